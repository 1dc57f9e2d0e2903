"""What a run lets out, for the person who checks outputs before they leave a research environment.

One line per output, in the terms of the statistical disclosure tool ACRO: its type, the status
(``pass`` where rules could look at everything, ``review`` where a person must), a summary of the
rules, and comments.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.cards import ResultCard

PASS, REVIEW = "pass", "review"
# What rules can look at in each type, and what is left to a person.
RULES: dict[str, tuple[str, str, str]] = {
    "metrics": (PASS, "identifiers; rows; counts below {minimum}; shares; exact extremes", ""),
    "card": (PASS, "identifiers; rows; counts below {minimum} also in words; shares; exact "
             "extremes", ""),
    "table": (PASS, "identifiers; counts below {minimum} also in words", ""),
    "page": (REVIEW, "identifiers; counts below {minimum} in words",
             "look at numbers inside tables and pictures"),
    "figure": (REVIEW, "identifiers in texts", "look at points that stand for one person"),
    "parameters": (PASS, "identifiers withheld", ""),
    "file": (REVIEW, "identifiers", "look at what it holds"),
}  # fmt: skip
TYPES = {".html": "page", ".txt": "page", ".png": "figure", ".svg": "figure", ".csv": "table",
         ".parquet": "table"}  # fmt: skip


@dataclass(frozen=True)
class Release:
    """One output that leaves the folder of data.

    Attributes
    ----------
    output : str
        File or dataset.
    type, status, summary, comments : str
        As ACRO has them.
    sha256 : str
        Beginning of the hash of the file's content.
    """

    output: str
    type: str
    status: str
    summary: str
    comments: str
    sha256: str = ""


def release_of(name: str, path: Path | None, minimum: int, kind: str | None = None) -> Release:
    """Line of an output that passed the rules.

    Parameters
    ----------
    name : str
        Dataset.
    path : Path or None
        Its file.
    minimum : int
        Smallest count that may be shown.
    kind : str, optional
        Type; by default told by the file's ending.
    """
    kind = kind or TYPES.get(path.suffix if path is not None else "", "file")
    status, rules, comments = RULES[kind]
    content = path.read_bytes() if path is not None and path.is_file() else b""
    return Release(
        path.name if path is not None else name, kind, status, rules.format(minimum=minimum),
        comments, hashlib.sha256(content).hexdigest()[:16] if content else "",
    )  # fmt: skip


def near_results(card: dict[str, Any], others: Iterable[ResultCard], minimum: int) -> list[str]:
    """Ids of results of nearly the same people, which together tell about the few who differ.

    Parameters
    ----------
    card : dict
        Of the new result.
    others : iterable of ResultCard
        Results that are there.
    minimum : int
        Smallest count that may be shown.
    """
    return [
        other.id
        for other in others
        if other.cohort == card["cohort"] and other.id != card["id"]
        and 0 < abs(other.n_subjects - card["n_subjects"]) < minimum
    ]  # fmt: skip


def write_releases(file: Path, releases: Iterable[Release]) -> None:
    """Write the list as CSV.

    Parameters
    ----------
    file : Path
        Where to.
    releases : iterable of Release
        Lines; nodes beside one another let them out in any order.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Release)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        asdict(release) for release in sorted(releases, key=lambda r: (r.output, r.sha256))
    )
    write_text_whole(file, text.getvalue())
