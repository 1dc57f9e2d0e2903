"""Gene annotation in GTF and GFF3 as one table, whoever wrote it: GENCODE, Ensembl or RefSeq."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import pandas as pd

ATTRIBUTES = ["gene_id", "gene_name", "transcript_id", "exon_number", "tag"]
GTF_ATTRIBUTE = re.compile(r'(\w+) "([^"]*)"')
# Names of the same thing: GENCODE and Ensembl, RefSeq.
SAME = {
    "gene_id": ("gene_id", "gene"),
    "gene_name": ("gene_name", "gene", "Name"),
    "transcript_id": ("transcript_id",),
    "exon_number": ("exon_number", "rank"),
    "tag": ("tag",),
}
TAG_SEPARATOR = ","


def parse_attributes(texts: Iterable[str]) -> pd.DataFrame:
    """Columns of the last field of a GTF or GFF3.

    Parameters
    ----------
    texts : iterable of str
        ``key "value"; …`` (GTF) or ``key=value;…`` (GFF3), one per row.

    Returns
    -------
    DataFrame
        `ATTRIBUTES`, missing ones None; no ``tag`` where no row has one. Tags are joined by
        commas and spelt with underscores (RefSeq writes ``MANE Select``, the others
        ``MANE_Select``). What a GFF3 row lacks is taken from the rows it names as its ancestors,
        so that an exon knows its transcript and gene.
    """
    texts = list(texts)
    gff3 = not any(GTF_ATTRIBUTE.search(text) for text in texts)
    rows = [parse_gff3(text) if gff3 else parse_gtf(text) for text in texts]
    if gff3:
        rows = inherit(rows)
    table = pd.DataFrame(
        {name: [canonical(row, name) for row in rows] for name in ATTRIBUTES}, dtype=object
    )
    return table if table["tag"].notna().any() else table.drop(columns="tag")


def parse_gtf(text: str) -> dict[str, str]:
    """Attributes of a GTF row; repeated ones (tags) are joined."""
    out: dict[str, str] = {}
    for key, value in GTF_ATTRIBUTE.findall(text):
        out[key] = f"{out[key]}{TAG_SEPARATOR}{value}" if key in out else value
    return out


def parse_gff3(text: str) -> dict[str, str]:
    """Attributes of a GFF3 row, percent-decoded."""
    pairs = (part.split("=", 1) for part in text.strip().split(";") if "=" in part)
    return {key.strip(): unquote(value) for key, value in pairs}


def inherit(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Give each row what its ancestors say and it does not.

    A row of several parents (an exon of several transcripts) takes the first.
    """
    by_id = {row["ID"]: row for row in rows if "ID" in row}
    return [with_ancestors(row, by_id) for row in rows]


def with_ancestors(row: dict[str, str], by_id: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """A row with the attributes of its parent, grandparent and so on."""
    out, seen, level = dict(row), {row.get("ID", "")}, row
    if level.get("Parent"):
        # An exon's own name and tags are not those of its gene or transcript.
        out.pop("Name", None)
    while level.get("Parent"):
        parent = level["Parent"].split(",")[0]
        if parent in seen or parent not in by_id:
            break
        seen.add(parent)
        level = by_id[parent]
        out.setdefault("transcript_id", level.get("transcript_id") or parent.rpartition(":")[2])
        for key, value in level.items():
            if key not in ("ID", "Parent", "Name") or (key == "Name" and not level.get("Parent")):
                out.setdefault(key, value)
        if not level.get("Parent") and "gene" not in out:
            out.setdefault("gene_id", parent.rpartition(":")[2])
    return out


def canonical(row: Mapping[str, str], name: str) -> str | None:
    """Value of an attribute under whichever of its names the row has."""
    value = next((row[key] for key in SAME[name] if row.get(key)), None)
    if name == "tag" and value is not None:
        return TAG_SEPARATOR.join(t.strip().replace(" ", "_") for t in value.split(TAG_SEPARATOR))
    return value


def has_tag(tags: pd.Series, tag: str) -> pd.Series:
    """Whether each row carries a tag."""
    return tags.fillna("").astype(str).str.split(TAG_SEPARATOR).map(lambda found: tag in found)
