"""Limits of what files from outside may become, held before anything is unpacked."""

from __future__ import annotations

from pathlib import Path

from neurogenomics_kb.foundation.errors import InputError

# Deflate cannot make more of a byte; what claims it lies in its header.
MOST_OF_DEFLATE = 1040
# Images and tables shrink by ten or twenty; masks by hundreds, but they are small.
SMALL, MOST = 1_000_000_000, 100
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
