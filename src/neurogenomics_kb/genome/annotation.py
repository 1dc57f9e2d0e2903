"""Gene annotation in GTF and GFF3 as one table, whoever wrote it: GENCODE, Ensembl or RefSeq."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file

COLUMNS = ["seqname", "source", "feature", "start", "end", "score", "strand", "frame"]
ATTRIBUTES = ["gene_id", "gene_name", "transcript_id", "exon_number", "tag"]
# A key, then its value: quoted, with whatever the quotes hold, or up to the next semicolon. Where
# semicolons were left out, another key and quote follow.
GTF_ATTRIBUTE = re.compile(
    r'\s*([^\s";]+)\s+("(?:[^"\\]|\\.)*"(?=\s*(?:;|$)|\s+[^\s";]+\s+")|[^;]*)(?:;|$)?'
)
# What parts the first key of a row from its value tells the two formats apart.
FIRST_KEY = re.compile(r"[\s;]*[^\s=;]+(\s*=|\s+\S)")
# Names of the same thing: GENCODE and Ensembl, RefSeq.
SAME = {
    "gene_id": ("gene_id", "gene"),
    "gene_name": ("gene_name", "gene", "Name"),
    "transcript_id": ("transcript_id",),
    "exon_number": ("exon_number", "rank"),
    "tag": ("tag",),
}
TAG_SEPARATOR = ","
_PREFIX = re.compile(r"^gene[-:]")


def read_annotation(path: str | Path) -> pd.DataFrame:
    """Rows of a GTF or GFF3, plain or gzipped, with the attributes that are used as columns.

    Parameters
    ----------
    path : str or Path
        The annotation. Which of the two formats it has is decided by most of its rows.

    Returns
    -------
    DataFrame
        ``seqname, source, feature, start, end, score, strand, frame`` as in the file (positions
        1-based, both ends included) and those of `ATTRIBUTES`; one row per line, or per parent
        where a GFF3 line has several.

    Raises
    ------
    InputError
        If the file is damaged, or a row does not have nine fields and whole numbers as positions.
    """
    fields: list[list] = [[] for _ in COLUMNS]
    texts = []
    for number, line in _rows(Path(path)):
        parts = line.split("\t")
        try:
            if len(parts) != 9:
                raise ValueError(f"line {number} has {len(parts)} tab-separated fields, not 9")
            parts[3:5] = int(parts[3]), int(parts[4])
        except ValueError as error:
            raise InputError(
                f"not a GTF or GFF3: {error}".replace("invalid literal", f"line {number}, invalid"),
                file=path,
                remedy="Expected nine tab-separated columns with whole numbers as coordinates.",
            ) from None
        for column, part in zip(fields, parts, strict=False):
            column.append(part)
        texts.append(parts[8])
    if not texts:
        raise InputError(
            "not a GTF or GFF3: there is no row",
            file=path,
            remedy="Copy the annotation again.",
        )
    frame = pd.DataFrame(dict(zip(COLUMNS, fields, strict=True)))
    attributes = parse_attributes(texts, fields[0])
    rows = frame.iloc[attributes.index].reset_index(drop=True)
    return pd.concat([rows, attributes.reset_index(drop=True)], axis=1)


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are rows, with their numbers; a GFF3 ends where its sequences begin."""
    try:
        with open_file(path) as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, 1):
                if line.startswith(("##FASTA", ">")):
                    return
                text = line.rstrip("\r\n")
                if text.strip() and not text.startswith(("#", "track ", "browser ")):
                    yield number, text
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(
            f"not a GTF or GFF3: it cannot be read to its end ({error})",
            file=path,
            remedy="Copy the annotation again.",
        ) from None


def parse_attributes(texts: Iterable[str], contigs: Sequence[str] | None = None) -> pd.DataFrame:
    """Columns of the last field of a GTF or GFF3.

    Parameters
    ----------
    texts : iterable of str
        ``key "value"; …`` (GTF) or ``key=value;…`` (GFF3), one per row.
    contigs : sequence of str, optional
        Contig of each row: where an id is there on several, a row's ancestors are those of its own.
        Default one contig for all.

    Returns
    -------
    DataFrame
        `ATTRIBUTES`, missing ones None; no ``tag`` where no row has one. The index is the number
        of the row, which comes once for every parent of a GFF3 row (an exon of several
        transcripts). Tags are joined by commas and spelt with underscores (RefSeq writes ``MANE
        Select``, the others ``MANE_Select``). What a GFF3 row lacks is taken from the rows it names
        as its ancestors, so that an exon knows its transcript and gene; what a GTF row lacks of its
        gene, from other rows of its transcript.
    """
    texts = list(texts)
    if is_gff3(texts):
        numbers, rows = inherit([parse_gff3(text) for text in texts], contigs)
    else:
        numbers, rows = range(len(texts)), [parse_gtf(text) for text in texts]
    table = pd.DataFrame(
        {name: [canonical(row, name) for row in rows] for name in ATTRIBUTES},
        index=np.array(numbers, dtype=np.int64),
        dtype=object,
    )
    lacking = table["gene_id"].isna() & table["transcript_id"].notna()
    if lacking.any():
        known = table[table["gene_id"].notna() & table["transcript_id"].notna()]
        known = known.drop_duplicates("transcript_id").set_index("transcript_id")
        for name in ("gene_id", "gene_name"):
            found = table.loc[lacking, "transcript_id"].map(known[name])
            table.loc[lacking, name] = found.astype(object).where(found.notna(), None)
    return table if table["tag"].notna().any() else table.drop(columns="tag")


def is_gff3(texts: Iterable[str]) -> bool:
    """Whether most rows put an equals sign behind their first key."""
    vote = 0
    for text in texts:
        found = FIRST_KEY.match(text)
        if found is not None:
            vote += 1 if found[1].endswith("=") else -1
    return vote > 0


def parse_gtf(text: str) -> dict[str, str]:
    """Attributes of a GTF row, quoted or not; tags are joined, of other keys the first counts."""
    out: dict[str, str] = {}
    for key, value in GTF_ATTRIBUTE.findall(text):
        value = _unquoted(value.strip())
        if key == "tag" and key in out:
            value = f"{out[key]}{TAG_SEPARATOR}{value}"
        if key == "tag" or key not in out:
            out[key] = value
    return out


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value.removeprefix('"').removesuffix('"')


def parse_gff3(text: str) -> dict[str, str]:
    """Attributes of a GFF3 row, percent-decoded."""
    pairs = (part.split("=", 1) for part in text.strip().split(";") if "=" in part)
    # Several values stay apart at their commas, which are encoded inside one value.
    return {
        key.strip(): _unquoted(value.strip())
        if key.strip() == "Parent"
        else unquote(_unquoted(value.strip()))
        for key, value in pairs
    }


def inherit(
    rows: list[dict[str, str]], contigs: Sequence[str] | None = None
) -> tuple[list[int], list[dict[str, str]]]:
    """Give each row what its ancestors say and it does not.

    A row of several parents (an exon of several transcripts, or genes) comes once for each.

    Parameters
    ----------
    rows : list of dict
        Attributes of each row.
    contigs : sequence of str, optional
        Contig of each row, on which its ancestors are; default one for all.

    Returns
    -------
    numbers : list of int
        Which of `rows` each result is of.
    rows : list of dict
    """
    places = [""] * len(rows) if contigs is None else contigs
    by_id: dict[str, dict[str, dict[str, str]]] = {}
    for row, place in zip(rows, places, strict=True):
        if "ID" in row:
            by_id.setdefault(place, {})[row["ID"]] = row
    numbers, out = [], []
    for number, (row, place) in enumerate(zip(rows, places, strict=True)):
        for line in lineages(row, by_id.get(place, {})):
            numbers.append(number)
            out.append(with_ancestors(row, line))
    return numbers, out


def lineages(
    row: Mapping[str, str], by_id: Mapping[str, dict[str, str]], seen: frozenset[str] = frozenset()
) -> list[list[tuple[str, Mapping[str, str] | None]]]:
    """Every way up from a row: parent, grandparent and so on, each with its id.

    A parent that is not in the file ends its way, with None for its attributes.
    """
    seen = seen | {row.get("ID", "")}
    ways = []
    for parent in (row.get("Parent") or "").split(","):
        name = unquote(parent.strip())
        if not name or name in seen:
            continue
        if name not in by_id:
            ways.append([(name, None)])
            continue
        ways += [[(name, by_id[name]), *way] for way in lineages(by_id[name], by_id, seen)]
    return ways or [[]]


def with_ancestors(
    row: Mapping[str, str], line: list[tuple[str, Mapping[str, str] | None]]
) -> dict[str, str]:
    """A row with the attributes of its parent, grandparent and so on."""
    out = dict(row)
    if line:
        # An exon's own name and tags are not those of its gene or transcript.
        out.pop("Name", None)
    for depth, (name, level) in enumerate(line):
        if level is None:
            break
        top = depth == len(line) - 1
        bare = name.rpartition(":")[2]
        out.setdefault("transcript_id", level.get("transcript_id") or bare)
        for key, value in level.items():
            if key not in ("ID", "Parent", "Name") or (key == "Name" and top):
                out.setdefault(key, value)
        if top and not level.get("Parent"):
            # Two genes may share a symbol (RefSeq: gene-ONE and gene-ONE-2), never an id.
            out.setdefault("gene_id", _PREFIX.sub("", name))
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
