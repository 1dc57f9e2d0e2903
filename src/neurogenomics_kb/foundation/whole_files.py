"""Files that are there whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

# End of the name until a file is whole.
PART = ".part"
LONGEST_NAME = 100


@contextmanager
def whole_file(file: str | Path, mode: str = "wb") -> Iterator[IO]:
    """Open a file for writing that takes its place when everything was written.

    A reader sees the old file or the new one, never half of it, and so do two writers at once. The
    file has the rights that any new file of the folder has.

    Parameters
    ----------
    file : str or Path
        Replaced if it is there; its folder is made.
    mode : str
        ``wb`` or ``w``, which is UTF-8. Default ``wb``.

    Yields
    ------
    file object
        Nothing of it stays if the block raises.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    own = f".{file.name[:LONGEST_NAME]}.{secrets.token_hex(6)}{PART}"
    temporary = file.with_name(own)
    text = {} if "b" in mode else {"encoding": "utf-8"}
    try:
        with temporary.open(mode.replace("w", "x"), **text) as stream:
            yield stream
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text_whole(file: str | Path, text: str) -> None:
    """Write a text in one step.

    Parameters
    ----------
    file : str or Path
        Replaced if it is there.
    text : str
        Written as UTF-8.
    """
    with whole_file(file, "w") as stream:
        stream.write(text)


def write_json_whole(file: str | Path, content: Mapping[str, Any] | list) -> None:
    """Write JSON in one step.

    Parameters
    ----------
    file : str or Path
        Replaced if it is there.
    content : mapping or list
        What JSON holds.
    """
    write_text_whole(file, json.dumps(content, indent=1) + "\n")
