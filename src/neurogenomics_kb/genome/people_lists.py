"""Lists of people as PLINK keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import read_text


def read_people(file: str | Path, people: Sequence[str]) -> list[str]:
    """Ids from a list of people: one a line, or as PLINK keeps them.

    Parameters
    ----------
    file : str or Path
        Ids separated by blanks or lines; or PLINK's ``FID IID`` with or without a header line
        (``#FID IID``, ``#IID``, ``IID SID``).
    people : sequence of str
        People of the genotypes; they tell two columns of ids from one.

    Raises
    ------
    InputError
        If nobody is in it, the header has no ``IID``, or it cannot be told which column is meant.
    """
    try:
        text = read_text(file, "a list of people", encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the list of people cannot be read ({error})",
            file=file,
            remedy="Check the path; the list is plain text in UTF-8.",
        ) from None
    lines = [line.split() for line in text.splitlines() if line.strip()]
    known = set(people)
    header = [word.lstrip("#").upper() for word in lines[0]] if lines else []
    titles = {"FID", "IID", "SID", "PAT", "MAT", "SEX"}
    titled = bool(lines) and (
        lines[0][0].startswith("#") or (set(header) <= titles and not known & set(lines[0]))
    )
    if titled:
        if "IID" not in header:
            raise InputError(
                "the header line names no column IID",
                file=file,
                remedy="Begin the file with `#IID` or `#FID IID`, as plink2 writes it.",
            )
        column = header.index("IID")
        families = header.index("FID") if "FID" in header else None
        rows = [line for line in lines[1:] if not line[0].startswith("#")]
        short = sum(len(line) <= column for line in rows)
        if short:
            raise InputError(
                f"{short} lines end before the column IID", file=file, remedy="Complete them."
            )
        return _named([(r[column], None if families is None else r[families]) for r in rows],
                      known, file)  # fmt: skip
    ids = [word for line in lines for word in line]
    width = len(lines[0]) if lines else 0
    if width > 2 and all(len(line) == width for line in lines):
        # A .fam, of which PLINK reads the first two columns, too.
        families, people_of = zip(*(line[:2] for line in lines), strict=True)
        if known.issuperset(people_of) and not known & {*families} - {*people_of}:
            lines = [line[:2] for line in lines]
            ids = [word for line in lines for word in line]
    pairs = len(lines) > 0 and all(len(line) == 2 for line in lines)
    if not pairs or (len(lines) == 1 and known.issuperset(ids)):
        return _named([(word, None) for word in ids], known, file)
    first, second = zip(*lines, strict=True)
    if first != second and known.issuperset(ids):
        raise InputError(
            "two columns, and both hold ids of people",
            file=file,
            remedy="Write one id a line, or a header line `#FID IID`.",
        )
    return _named([(iid, fid) for fid, iid in lines], known, file)


def _named(pairs: list[tuple[str, str | None]], known: set[str], file: str | Path) -> list[str]:
    """Ids as the genotypes have them: the IID, or family and IID in one, as PLINK 1 exports."""
    if not pairs:
        raise InputError("the list of people is empty", file=file, remedy="List ids to fit on.")
    joined = [iid if fid is None or iid in known else f"{fid}_{iid}" for iid, fid in pairs]
    return [j if j in known else iid for j, (iid, _) in zip(joined, pairs, strict=True)]
