"""A result as a whole: its card, and the tables that travel beside it."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import read_text
from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.disclosure import as_identifiers, check_disclosure
from neurogenomics_kb.registry.identifiers import Identifiers

Rows = list[dict[str, Any]]
# What spreadsheets take for something to compute, however often it was marked as text already.
FORMULA = re.compile(r"'*(?:[=+@\t\r]|-(?![\d.]))")


@dataclass(frozen=True)
class Result:
    """A result card and its tables.

    Parameters
    ----------
    card : dict
        Fields of a `ResultCard`.
    tables : dict of str to list of dict
        Rows of every table, by its name.
    """

    card: dict[str, Any]
    tables: dict[str, Rows] = field(default_factory=dict)


def table_folder(card_file: Path) -> Path:
    """Folder of a card's tables: beside the card, with its name."""
    return card_file.with_suffix("")


def table_text(rows: Rows) -> str:
    """Rows as CSV; gaps are empty, and text that a spreadsheet would compute stands behind a '.

    Parameters
    ----------
    rows : list of dict
        All with the same keys.
    """
    out = io.StringIO()
    names = [_plain(name) for name in rows[0]] if rows else []
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({_plain(key): _plain(cell) for key, cell in row.items()} for row in rows)
    return out.getvalue()


def parse_table(text: str) -> Rows:
    """The reverse of `table_text`: numbers where a cell is one, None for gaps."""
    return [
        {_shown(key): _value(cell) for key, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text))
    ]


def describe_tables(tables: dict[str, Rows]) -> dict[str, dict[str, Any]]:
    """Rows and content hash of every table, for the card that they travel with."""
    return {
        name: {"rows": len(rows), "sha256": _digest(table_text(rows))}
        for name, rows in tables.items()
    }


def write_tables(folder: Path, tables: dict[str, Rows]) -> None:
    """Write every table as ``<name>.csv``, each in one step."""
    for name, rows in tables.items():
        file, text = folder / f"{name}.csv", table_text(rows)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            write_text_whole(file, text)


def read_tables(folder: Path, described: dict[str, dict[str, Any]]) -> dict[str, Rows]:
    """Tables of a card.

    Parameters
    ----------
    folder : Path
        From `table_folder`.
    described : dict
        ``tables`` of the card.

    Raises
    ------
    InputError
        If a table is missing or is not the one that the card names.
    """
    return {name: read_table(folder, name, about) for name, about in described.items()}


def read_table(folder: Path, name: str, about: dict[str, Any]) -> Rows:
    """One table of a card.

    Parameters
    ----------
    folder : Path
        Folder that holds the files.
    name : str
        Name, as the messages and tables have it.
    about : dict
        What the card says of it: ``rows`` and ``sha256``.

    Raises
    ------
    InputError
        If it is missing or is not the one that the card names.
    """
    file = folder / f"{name}.csv"
    try:
        text = read_text(file, "a table of a result card")
    except (OSError, UnicodeDecodeError):
        raise InputError(
            "the table of a result card is missing or cannot be read",
            file=file,
            remedy="`kedro kb sync` writes it again from the tracking server.",
        ) from None
    if _digest(text) != about.get("sha256"):
        raise InputError(
            "the table is not the one that its result card names",
            file=file,
            remedy="Tables of results never change; restore it, or delete card and tables.",
        )
    return parse_table(text)


def check_tables(
    tables: dict[str, Rows],
    subject_ids: Identifiers | Collection[str],
    minimum: int,
    n: int | None = None,
) -> None:
    """Refuse tables that would disclose subjects.

    A table of models or genes may well have more rows than a small cohort has people, so rows are
    looked at one by one; what they may not hold is the same as on a card.

    Parameters
    ----------
    tables : dict of str to list of dict
        Rows of every table, by its name.
    subject_ids : Identifiers or collection of str
        Of the cohort.
    minimum : int
        Smallest count of subjects that may be shown.
    n : int, optional
        Size of the cohort where identifiers are not at hand.

    Raises
    ------
    InputError
    """
    known = as_identifiers(subject_ids)
    for name, rows in tables.items():
        for i, row in enumerate(rows):
            check_disclosure(
                row, known, n_subjects=n, minimum=minimum, where=f"table {name}, row {i + 1}"
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _value(cell: str) -> Any:
    if cell == "":
        return None
    if cell in ("True", "False"):
        return cell == "True"
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return _shown(cell)


def _plain(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def _shown(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell[1:]) else cell
