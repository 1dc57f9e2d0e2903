"""Lists of models and datasets that others curate: read from their Markdown, kept as a table.

Names, links, years, venues and sizes are taken over; what an entry is good for is not judged here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import read_text
from neurogenomics_kb.registry.cards import Strict

# Tables of a knowledge base, one per dataset card of kind `catalogue`, named after the card.
FOLDER = "catalogues"
KINDS = {"method": "Methods", "dataset": "Datasets", "database": "Databases",
         "survey": "Surveys", "other": "Other resources"}  # fmt: skip
AREAS = {"LFM": "language", "VFM": "vision", "BFM": "bioinformatics", "MFM": "multimodal"}
ADDRESS = re.compile(r"^https?://[^\s()<>\[\]\"'|]+(\([^\s()<>\[\]\"'|]*\)[^\s()<>\[\]\"'|]*)*$")
HEADING = re.compile(r"^(#+)\s+(.*?)\s*$")
YEAR = re.compile(r"^\*\*((?:19|20)\d\d)\*\*\s*$")
BULLET = re.compile(r"^\s*-\s+(.*)$")
HEADS = ("dataset name", "database")  # first cells of the head rows
VENUE = re.compile(r"^\[([^\]]+)\]\s*(.*)$")


class SurveyEntry(Strict):
    """One line of a curated list.

    Parameters
    ----------
    kind : {"method", "dataset", "database", "survey", "other"}
        What the entry is.
    area : {"", "language", "vision", "bioinformatics", "multimodal"}
        Field of the entry; empty for none.
    name : str
        Title of the paper, or name of the dataset or resource, as the list writes it.
    year : int, optional
        Year, where the list gives one.
    venue, modality, scale, task : str
        As the list writes them; empty where it says nothing.
    paper, code, data : str
        Addresses; empty where the list gives none.
    """

    kind: Literal["method", "dataset", "database", "survey", "other"]
    area: Literal["", "language", "vision", "bioinformatics", "multimodal"] = ""
    name: str = Field(min_length=2)
    year: int | None = Field(None, ge=1950, le=2100)
    venue: str = ""
    modality: str = ""
    scale: str = ""
    task: str = ""
    paper: str = Field("", pattern=rf"^$|{ADDRESS.pattern}")
    code: str = Field("", pattern=rf"^$|{ADDRESS.pattern}")
    data: str = Field("", pattern=rf"^$|{ADDRESS.pattern}")


COLUMNS = list(SurveyEntry.model_fields)


# --- the list's Markdown --------------------------------------------------------------------------


def parse_list(markdown: str, file: str | Path = "") -> list[SurveyEntry]:
    """Entries of an "awesome" list of healthcare foundation models.

    Parameters
    ----------
    markdown : str
        Sections of methods and datasets by area (LFM, VFM, BFM, MFM), of databases, surveys and
        other resources; methods as bullets below a year, datasets and databases as table rows.
    file : str or Path
        Name for messages.

    Raises
    ------
    InputError
        If a bullet or row of these sections cannot be read, or there is none.
    """
    entries = []
    kind, area, year = None, "", None
    for number, line in enumerate(markdown.splitlines(), 1):
        heading, dated = HEADING.match(line), YEAR.match(line.strip())
        if heading:
            kind, area = section_of(heading.group(2), kind)
            year = None
        elif dated:
            year = int(dated.group(1))
        elif kind is not None:
            try:
                entries += read_line(line, kind, area, year)
            except (ValidationError, ValueError) as error:
                raise InputError(
                    f"line {number} is no {kind} that can be read: {line.strip()[:80]!r} "
                    f"({str(error).splitlines()[0]})",
                    file=file or None,
                    remedy="Correct the line, or the reader in registry/survey.py.",
                ) from None
    if not entries:
        raise InputError(
            "holds no methods, datasets or surveys",
            file=file or None,
            remedy="Give the README.md of the list.",
        )
    return entries


def section_of(heading: str, before: str | None) -> tuple[str | None, str]:
    """Kind and area of the entries below a heading."""
    lower = heading.lower()
    area = AREAS.get(heading.split()[0].upper(), "") if heading.split() else ""
    if area and lower.endswith(("methods", "datasets")):
        return ("method" if lower.endswith("methods") else "dataset"), area
    if "databases" in lower:
        return "database", ""
    if lower.startswith("related surve"):
        return "survey", ""
    if lower.startswith("other resources") or before == "other":
        return "other", ""
    return None, ""


def read_line(line: str, kind: str, area: str, year: int | None) -> Iterator[SurveyEntry]:
    """Entry of a line, if it holds one."""
    bullet = BULLET.match(line)
    if kind in ("dataset", "database"):
        cells = cells_of(line)
        if cells:
            yield from read_row(cells, kind, area)
    elif bullet and kind == "other":
        found = list(links_of(bullet.group(1)))
        yield SurveyEntry(kind="other", name=found[0][0], data=address(found[0][1]))
    elif bullet:
        yield read_bullet(bullet.group(1), kind, area, year)


def read_bullet(text: str, kind: str, area: str, year: int | None) -> SurveyEntry:
    """``[venue] title. [[Paper]](…) [[Code]](…)``."""
    head, _, _ = text.partition("[[")
    venue = VENUE.match(head.strip())
    name = venue.group(2) if venue else head
    links = {label.lower(): target for label, target in links_of(text)}
    return SurveyEntry(
        kind=kind,
        area=area,
        name=" ".join(name.split()).rstrip("., "),
        year=year,
        venue=re.sub(r"\s+(19|20)\d\d$", "", venue.group(1)) if venue else "",
        paper=address(links.get("paper", "")),
        code=address(links.get("code", "")),
    )


def read_row(cells: Sequence[str], kind: str, area: str) -> Iterator[SurveyEntry]:
    """A row of a table; heads and rules are passed over."""
    if set("".join(cells)) <= set(":- ") or cells[0].lower() in HEADS:
        return
    linked = list(links_of(cells[0]))
    where = list(links_of(cells[-1]))
    # What the list says of a database is a text of its own and stays there.
    described = [c.strip(" -") for c in cells[1:4]] if kind == "dataset" else ["", "", ""]
    yield SurveyEntry(
        kind=kind,
        area=area,
        name=" ".join((linked[0][0] if linked else cells[0]).split()),
        modality=described[0],
        scale=described[1],
        task=described[2],
        paper=address(linked[0][1]) if linked else "",
        data=address(where[0][1]) if where else "",
    )


def cells_of(line: str) -> list[str]:
    """Cells of a table row; bars inside an address do not count."""
    stripped = line.strip()
    if not stripped.startswith("|"):
        return []
    return [" ".join(c.split()) for c in stripped.strip("|").split("|")]


def links_of(text: str) -> Iterator[tuple[str, str]]:
    """``[label](target)`` and ``[[label]](target)``; brackets in targets are balanced."""
    position = 0
    while True:
        middle = text.find("](", position)
        if middle < 0:
            return
        start = text.rfind("[", position, middle)
        depth, end = 1, middle + 2
        while end < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if depth:
            raise ValueError("an address has no end")
        yield text[start + 1 : middle].strip(" []"), text[middle + 2 : end - 1].strip()
        position = end


def address(target: str) -> str:
    """Address as it can be opened; empty where the list gives none.

    A link that was pasted inside another one is read as its last address, one without a scheme
    gets https, and a full stop at the end is dropped.
    """
    nested = re.findall(r"https?://[^\s\[\]]+?(?=\)*$|\]|\s)", target) if "[" in target else []
    plain = (nested[-1] if nested else target).rstrip(".")
    if re.match(r"^[\w-]+(\.[\w-]+)+(/|$)", plain):
        plain = f"https://{plain}"
    return plain


# --- the table ------------------------------------------------------------------------------------


def write_table(entries: Iterable[SurveyEntry], path: str | Path) -> None:
    """Write entries as CSV, in their order."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for entry in entries:
            row = entry.model_dump()
            writer.writerow(row | {"year": row["year"] or ""})


def read_table(path: str | Path) -> list[SurveyEntry]:
    """Entries of a table that `write_table` wrote.

    Raises
    ------
    InputError
        If columns differ or a row is no entry, with its line.
    """
    path = Path(path)
    remedy = "Write the table with scripts/build_survey.py."
    try:
        text = read_text(path, "a survey")
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 ({error.reason})", file=path, remedy=remedy) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    entries = []
    try:
        if reader.fieldnames != COLUMNS:
            named = listing(reader.fieldnames or [])
            raise ValueError(f"columns are {named}, expected {listing(COLUMNS)}")
        for row in reader:
            entries.append(SurveyEntry.model_validate(row | {"year": row["year"] or None}))
    except (ValueError, TypeError, csv.Error) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"line {reader.line_num} is no entry ({reason})", file=path, remedy=remedy
        ) from None
    return entries


def tables_of(kb: Path) -> dict[str, Path]:
    """Tables of a knowledge base by the id of the card that they belong to.

    What is no file, or links to one outside the knowledge base, is passed over.
    """
    root = kb.resolve()
    files = sorted((kb / FOLDER).glob("*.csv"))
    return {f.stem: f for f in files if f.is_file() and f.resolve().is_relative_to(root)}


def matches(entry: SurveyEntry, needle: str) -> bool:
    """Whether an entry mentions a lower-case text."""
    return any(needle in str(value).lower() for value in entry.model_dump().values() if value)
