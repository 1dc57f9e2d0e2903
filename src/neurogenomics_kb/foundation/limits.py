"""Limits of what files from outside may become, held before anything is unpacked."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import IO, Any

from neurogenomics_kb.foundation.errors import InputError

# Deflate cannot make more of a byte; what claims it lies in its header.
MOST_OF_DEFLATE = 1040
# Images and tables shrink by ten or twenty; masks by hundreds, but they are small.
SMALL, MOST = 1_000_000_000, 100
# Text shrinks by three to twenty, long runs of zeros by more.
SMALL_TEXT = 300_000_000
# Of what is read as one text: settings, sidecars, lists, and vocabularies, of which those of a
# quarter of a million words take 20 MB.
LARGEST_TEXT = 100_000_000
MB = 1e6


def refuse_no_file(path: str | Path) -> None:
    """Refuse pipes, devices and sockets, which would keep whoever reads them waiting.

    Raises
    ------
    InputError
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError("it is not a file", file=path, remedy="Give a regular file.")


def refuse_large(path: str | Path, most: int, what: str) -> None:
    """Refuse a file of more bytes than any of its kind has.

    Parameters
    ----------
    path : str or Path
        The file.
    most : int
        Bytes.
    what : str
        Name of the kind, for the message.

    Raises
    ------
    InputError
    """
    refuse_no_file(path)
    size = Path(path).stat().st_size if Path(path).exists() else 0
    if size > most:
        raise InputError(
            f"{size / MB:,.0f} MB are too many for {what} (limit {most / MB:,.0f} MB)",
            file=path,
            remedy="Get the file again from its publisher.",
        )


def refuse_large_inside(path: str | Path, most: int, what: str) -> None:
    """Refuse a zip archive, such as ``.npz``, of whose members more comes than of any such file.

    Parameters
    ----------
    path, most, what
        As in `refuse_large`.

    Raises
    ------
    InputError
    zipfile.BadZipFile
        If it is none.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > most:
        raise InputError(
            f"{size / MB:,.0f} MB come out of it, too many for {what} (limit {most / MB:,.0f} MB)",
            file=path,
            remedy="Get the file again from its publisher.",
        )


def refuse_swelling(path: str | Path, declared: int, *, packed: bool) -> None:
    """Refuse a file that says it holds far more than it can, or than any such file does.

    Parameters
    ----------
    path : str or Path
        The file.
    declared : int
        Bytes that its header announces.
    packed : bool
        Whether it is compressed.

    Raises
    ------
    InputError
    """
    size = Path(path).stat().st_size
    impossible = declared > size * (MOST_OF_DEFLATE if packed else 1)
    swollen = packed and declared > SMALL and declared > MOST * size
    if impossible or swollen:
        raise InputError(
            f"the header announces {declared / MB:,.0f} MB in a file of {size / MB:,.1f} MB",
            file=path,
            remedy="The file is damaged or made to exhaust memory; get it again.",
        )


def refuse_swollen(path: str | Path, size: int) -> None:
    """Refuse a compressed text of which more comes than any such text holds.

    Parameters
    ----------
    path : str or Path
        The file.
    size : int
        Bytes that came out of it so far.

    Raises
    ------
    InputError
    """
    packed = Path(path).stat().st_size
    if size > SMALL_TEXT and size > MOST * packed:
        raise InputError(
            f"more than {size / MB:,.0f} MB come out of {packed / MB:,.1f} MB",
            file=path,
            remedy="The file is made to exhaust memory; get it again, or unpack it.",
        )


def open_file(path: str | Path, mode: str = "rb", **text: Any) -> IO[Any]:
    """Open a file from outside, as ``open`` does.

    Parameters
    ----------
    path : str or Path
        The file.
    mode : str
        For reading.
    **text
        ``encoding`` and others of ``open``.

    Raises
    ------
    InputError
        If it is a pipe, a device or a folder.
    OSError
        As of ``open``.
    """
    refuse_no_file(path)
    return open(path, mode, **text)


def read_text(path: str | Path, what: str, *, encoding: str = "utf-8") -> str:
    """Text of a small file from outside.

    Parameters
    ----------
    path : str or Path
        The file.
    what : str
        Name of the kind, for the message.
    encoding : str
        Of the text.

    Raises
    ------
    InputError
        If it is no file, or larger than any of its kind.
    OSError, UnicodeDecodeError
        As of ``Path.read_text``.
    """
    refuse_large(path, LARGEST_TEXT, what)
    return Path(path).read_text(encoding=encoding)


def read_json(path: str | Path, what: str, *, encoding: str = "utf-8") -> Any:
    """Content of a JSON file from outside.

    Parameters
    ----------
    path, what, encoding
        As in `read_text`.

    Raises
    ------
    InputError
        If it is no file, or larger than any of its kind.
    ValueError
        If it is not JSON, or nested beyond what a reader can follow.
    OSError
        As of ``Path.read_text``.
    """
    try:
        return json.loads(read_text(path, what, encoding=encoding))
    except RecursionError:
        raise ValueError("nested too deeply") from None
