"""Tables that stand beside the calls of PLINK files: people and sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file
from neurogenomics_kb.genome.even_rows import UnevenRows, is_spaced, line_begins, read_columns
from neurogenomics_kb.genome.vcf_text import CONTIG

BESIDE = "Keep .pgen, .pvar (or .pvar.zst) and .psam together under one name."
# Columns of a .bim: contig, id, position in Morgans and in bases, two alleles.
SITE_FIELDS = 6


def read_samples(path: Path) -> list[str]:
    """Sample ids (IID) of a PSAM.

    Raises
    ------
    InputError
        If the file is missing, is no PSAM, has no IID column, or rows of other lengths.
    """
    rows = read_rows(path, "psam")
    names = [name.lstrip("#") for name in rows[0]] if rows else []
    if "IID" not in names:
        raise InputError(
            "the column of sample ids is missing",
            file=path,
            column="IID",
            remedy="Begin the file with a line `#IID SEX`, as plink2 writes it.",
        )
    check_widths(rows, path)
    column = names.index("IID")
    return [row[column] for row in rows[1:]]


def read_rows(path: Path, what: str) -> list[list[str]]:
    """Fields of a table of PLINK, without its ``##`` lines and empty ones.

    Parameters
    ----------
    path : Path
        The table. Fields are separated by tabs, or else by white space.
    what : str
        Its kind, for messages.

    Raises
    ------
    InputError
        If it is missing or no text.
    """
    if not path.exists():
        raise InputError("the file does not exist", file=path, remedy=BESIDE)
    try:
        with open_file(path, "r", encoding="utf-8-sig") as stream:
            lines = stream.read().splitlines()
    except UnicodeDecodeError:
        raise InputError(
            f"the .{what} is not UTF-8", file=path, remedy="Save it as UTF-8."
        ) from None
    return [line.split() for line in lines if line.strip() and not line.startswith("##")]


def check_widths(rows: list[list[str]], path: Path) -> None:
    """Refuse rows that are longer or shorter than the first one.

    Raises
    ------
    InputError
    """
    wrong = [number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])]
    if wrong:
        raise InputError(
            f"row {wrong[0]} has {len(rows[wrong[0] - 1])} fields, the first one {len(rows[0])}",
            file=path,
            subjects=len(wrong),
            of=len(rows),
            remedy="Ids must not hold blanks; write the files again with plink2.",
        )


def declared_contigs(path: Path) -> list[str]:
    """Contigs that the header of a plain ``.pvar`` declares; none for a packed one."""
    if path.suffix == ".zst":
        return []
    names = []
    with open_file(path) as stream:
        for line in stream:
            if not line.startswith(b"##"):
                break
            found = CONTIG.match(line)
            if found is not None:
                names.append(found[1].decode("utf-8", "replace"))
    return list(dict.fromkeys(names))


def read_site_columns(path: Path) -> list[list[str]]:
    """Columns of a ``.bim``, without lines that begin with ``#``.

    Raises
    ------
    InputError
        If it is missing or no text, or rows have too few fields or not all as many.
    """
    columns = _even_columns(path)
    if columns is None:
        rows = read_rows(path, "bim")
        check_widths(rows, path)
        check_fields(rows, path, SITE_FIELDS)
        rows = [row for row in rows if not row[0].startswith("#")]
        columns = [list(column) for column in zip(*rows, strict=True)]
    return columns[:SITE_FIELDS] or [[] for _ in range(SITE_FIELDS)]


def check_fields(rows: list[list[str]], path: Path, least: int) -> None:
    """Refuse rows of fewer fields than a table of PLINK has.

    Raises
    ------
    InputError
    """
    if rows and len(rows[0]) < least:
        raise InputError(
            f"its rows have {len(rows[0])} fields, not {least} or more",
            file=path,
            remedy="Write the files again with plink2 --make-bed.",
        )


def _even_columns(path: Path) -> list[list[str]] | None:
    """Columns of a table as PLINK writes it: a tab between fields, none of them empty.

    None of another, which `read_rows` reads or refuses.
    """
    try:
        with open_file(path) as stream:
            data = stream.read()
        text = data.decode()
    except (OSError, UnicodeDecodeError):
        return None
    width = text[: text.find("\n") + 1].count("\t") + 1
    begins = line_begins(np.frombuffer(data, dtype=np.uint8))
    if width < SITE_FIELDS or not text.isascii() or is_spaced(text) or ord("#") in begins:
        return None
    gaps = ("\n\n", "\t\t", "\t\n")
    if any(gap in text for gap in gaps) or text[-1] == "\t" or ord("\t") in begins:
        return None
    names = [str(number) for number in range(width)]
    try:
        table = read_columns(data, "\t", names, names[:SITE_FIELDS])
    except UnevenRows:
        return None
    return [table[name].to_numpy(dtype=object).tolist() for name in names[:SITE_FIELDS]]
