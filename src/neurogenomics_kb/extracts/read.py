"""Wide tables of fields: only the columns that a dataset card maps are read."""

from __future__ import annotations

import csv
import gzip
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from neurogenomics_kb.extracts.fields import (
    IMAGING,
    FieldName,
    find_id_column,
    parse_field,
)
from neurogenomics_kb.extracts.withdrawn import log_withdrawn
from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.foundation.limits import refuse_no_file
from neurogenomics_kb.foundation.tables import GAPS
from neurogenomics_kb.registry.cards import Column, Table

logger = logging.getLogger(__name__)

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
ENDINGS = (*DELIMITERS, *(f"{end}.gz" for end in DELIMITERS), ".parquet")
BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class TableFile:
    """A file of an extract: its id column and where each field stands in it.

    Attributes
    ----------
    path : Path
    id_column : str
    fields : dict of FieldName to list of str
        Columns of each field; more than one is an ambiguity.
    names : list of str
        All columns.
    """

    path: Path
    id_column: str
    fields: dict[FieldName, list[str]]
    names: list[str]

    def column_of(self, source: str, name: FieldName | None) -> str | None:
        """Column of a card's source column, by field or by its exact name.

        Raises
        ------
        InputError
            If the file has it twice.
        """
        if name is not None:
            found = self.fields.get(name, [])
        else:
            found = [each for each in self.names if each == source]
        if len(found) > 1:
            what = "one field" if name is not None else "one name"
            raise InputError(
                f"columns {listing(found)} are {what}",
                file=self.path,
                column=source,
                remedy="Keep one of them.",
            )
        return found[0] if found else None


def find_tables(folder: Path) -> list[Path]:
    """Tables of a folder in order of their names.

    Raises
    ------
    InputError
        If there is none.
    """
    tables = sorted(p for p in folder.glob("*") if p.name.endswith(ENDINGS) and p.is_file())
    if not tables:
        raise InputError(
            f"there is no table ({', '.join(DELIMITERS)}, .parquet)",
            file=folder,
            remedy="Put the exported tables there, or set the environment variable "
            "NGKB_<COHORT>_DIR to the cohort's folder.",
        )
    return tables


def open_table(path: Path, id_column: str) -> TableFile:
    """Header of a table.

    Raises
    ------
    InputError
        If it cannot be read or has no id column.
    """
    if path.suffix == ".parquet":
        try:
            names = pq.read_schema(path).names
        except pa.ArrowInvalid:
            raise InputError("is not Parquet", file=path, remedy="Export it again.") from None
    else:
        try:
            # As a row: pandas would rename columns that repeat.
            row = pd.read_csv(path, sep=delimiter_of(path), header=None, nrows=1, dtype=str)
        except (ValueError, pd.errors.ParserError, OSError):
            raise InputError(
                "has no header that can be read", file=path, remedy="Export it again."
            ) from None
        names = row.iloc[0].fillna("").str.strip().str.removeprefix("\ufeff").tolist()
    found = find_id_column(names, id_column)
    if found is None:
        raise InputError(
            f"the id column is missing{nearest(id_column, names)}",
            file=path,
            column=id_column,
            remedy=f"The table has {len(names):,} columns, first {listing(names, 3)}.",
        )
    fields: dict[FieldName, list[str]] = {}
    for name in names:
        field = parse_field(name)
        if field is not None:
            fields.setdefault(field, []).append(name)
    return TableFile(path, found, fields, names)


def delimiter_of(path: Path) -> str:
    """Delimiter by the file's ending, compressed or not, unless the header has another one only."""
    usual = DELIMITERS[Path(path.name.removesuffix(".gz")).suffix]
    opened = gzip.open if path.name.endswith(".gz") else open
    refuse_no_file(path)
    with opened(path, "rt", encoding="utf-8-sig", errors="replace") as lines:
        header = next((line for line in lines if line.strip()), "")
    found = [d for d in ("\t", ";", ",") if d in header]
    return found[0] if len(found) == 1 else usual


def read_extract(
    files: Sequence[Path],
    card: Table,
    *,
    visit: int | None = None,
    withdrawn: frozenset[str] = frozenset(),
    supplied: Sequence[str] = (),
) -> pd.DataFrame:
    """Columns of a card from the tables of an extract, joined on the id.

    Parameters
    ----------
    files : sequence of Path
        CSV, TSV (also gzipped) or Parquet tables with a row per subject.
    card : Table
        Source columns: field names, or names that are taken as they are.
    visit : int, optional
        Instance of the columns that follow the visit, instead of the one on the card.
    withdrawn : frozenset of str
        Subjects who are left out before anything else is looked at.
    supplied : sequence of str
        Source columns that come from elsewhere.

    Returns
    -------
    DataFrame
        The card's id column (text) and its source columns under the names on the card, whatever
        their spelling in the files. Codes are as they were.

    Raises
    ------
    InputError
        For a field that no file has (with its title, and the instances that there are), a field
        twice, several rows of one subject, or files that disagree.
    """
    tables = [open_table(path, card.id_column) for path in files]
    wanted = {
        source: at_visit(source, column, visit)
        for source, column in card.columns.items()
        if source not in supplied
    }
    where: dict[Path, dict[str, str]] = {}
    for source, name in wanted.items():
        found = [(t, c) for t in tables if (c := t.column_of(source, name)) is not None]
        if not found:
            report_absent(source, name, card.columns[source], tables, card.file)
        for table, column in found:
            where.setdefault(table.path, {})[source] = column
    joined: pd.DataFrame | None = None
    for table in tables:
        chosen = where.get(table.path)
        if not chosen:
            continue
        frame = read_columns(table, chosen, card)
        frame = keep_subjects(frame, table.path, withdrawn)
        joined = frame if joined is None else join(joined, frame, table.path)
    if joined is None:
        raise InputError(
            "no column of the card is in the tables", file=card.file, remedy="Extract its fields."
        )
    joined = joined.reindex(columns=[s for s in card.columns if s not in supplied])
    logger.info(
        "%s: %d subjects, %d of %d columns from %d tables",
        card.file,
        len(joined),
        len(set().union(*where.values())),
        sum(len(t.names) for t in tables),
        len(where),
    )
    return joined.rename_axis(card.id_column).reset_index()


def at_visit(source: str, column: Column, visit: int | None) -> FieldName | None:
    """Field of a source column at the visit that is analysed; None where it is no field."""
    name = parse_field(source)
    if name is None or visit is None or not column.follows_visit:
        return name
    return name._replace(instance=visit)


def report_absent(
    source: str, name: FieldName | None, column: Column, tables: Sequence[TableFile], file: str
) -> None:
    """Say that no table has a column: an error if it is required.

    Raises
    ------
    InputError
    """
    title = f" ({column.description or column.name})"
    if name is None:
        what = f"column '{source}'{title} is in no table"
        remedy = "Add it to a table of the extract."
    else:
        what = f"field {name.field}{title}, instance {name.instance}, array {name.array}, "
        others = sorted({f.instance for t in tables for f in t.fields if f.field == name.field})
        arrays = any(f[:2] == name[:2] for t in tables for f in t.fields)
        if arrays:
            what += "is in no table, which hold other elements of its array"
        elif others:
            what += f"is in no table, which hold its instances {listing(others)} only"
        else:
            what += "is in no table"
        remedy = f"Extract {spelled(name)}."
        if column.follows_visit:
            visit = IMAGING.get(name.instance, f"visit of instance {name.instance}")
            remedy = f"Extract {spelled(name)} of the {visit}, or choose a visit that is there."
    if column.required:
        raise InputError(what, file=file, column=source, remedy=remedy)
    logger.warning("%s: %s; it is missing for everybody", file, what)


def spelled(name: FieldName) -> str:
    """Both spellings of a column, for messages."""
    return f"{name} (p{name.field}_i{name.instance}{f'_a{name.array}' if name.array else ''})"


def read_columns(table: TableFile, chosen: dict[str, str], card: Table) -> pd.DataFrame:
    """Chosen columns of one file under the names on the card, indexed by id (text)."""
    columns = [table.id_column, *chosen.values()]
    try:
        if table.path.suffix == ".parquet":
            data = pq.read_table(table.path, columns=columns)
        else:
            data = pacsv.read_csv(
                table.path,
                read_options=pacsv.ReadOptions(block_size=BLOCK_BYTES),
                parse_options=pacsv.ParseOptions(delimiter=delimiter_of(table.path)),
                # As text: a type guessed from the first block would fail at the first odd value.
                convert_options=pacsv.ConvertOptions(
                    include_columns=columns,
                    column_types=dict.fromkeys(columns, pa.string()),
                    # Which words are gaps depends on the column.
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
    except pa.ArrowInvalid as error:
        # Arrow quotes the row, which must not reach a log.
        shape = re.search(r"Expected \d+ columns, got \d+", str(error))
        told = shape.group() if shape else "it is no UTF-8 text" if "UTF8" in str(error) else ""
        line = uneven_line(table.path) if shape else None
        raise InputError(
            f"cannot be read as a table: {told or type(error).__name__}"
            f"{f' (line {line})' if line else ''}",
            file=table.path,
            remedy="Export it again, or check its delimiter and encoding.",
        ) from None
    frame = pd.DataFrame(
        {
            source: numbers_or_text(data[column], card.columns[source]).to_pandas()
            for source, column in chosen.items()
        }
    )
    frame.index = pd.Index(id_text(data[table.id_column]).to_pandas(), dtype=object)
    return frame


def uneven_line(path: Path) -> int | None:
    """Line of the first row that has not the header's number of cells."""
    opened = gzip.open if path.name.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(lines, delimiter=delimiter_of(path))
        width = len(next(rows))
        return next((rows.line_num for row in rows if row and len(row) != width), None)


def numbers_or_text(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Numbers where the card wants them and all values are such, else text, in any format."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        if column.type not in ("category", "text"):
            return values
        values = whole_numbers(values).cast(pa.string())
    values = pc.utf8_trim_whitespace(values)
    values = without_gaps(values, column.levels)
    if column.type == "text":
        return values
    if column.type != "category":
        try:
            return values.cast(pa.float64())
        except pa.ArrowInvalid:
            pass
    # A column of codes with gaps may have been stored as fractions.
    return pc.replace_substring_regex(values, r"^(-?\d+)\.0+$", r"\1")


def without_gaps(values: pa.ChunkedArray, named=()) -> pa.ChunkedArray:
    """Null for the words that stand for a gap, unless the card names them."""
    words = pa.array(sorted(GAPS.difference(named)), values.type)
    return pc.if_else(pc.is_in(values, words), None, values)


def whole_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Fractions as integers where all are whole, as columns of codes with gaps are stored."""
    if not pa.types.is_floating(values.type):
        return values
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        return values


def id_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids as text; whole numbers that were stored as floats lose their fraction."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    text = without_gaps(pc.utf8_trim_whitespace(whole_numbers(values).cast(pa.string())))
    return pc.replace_substring_regex(text, r"\.0$", "")


def keep_subjects(frame: pd.DataFrame, path: Path, withdrawn: frozenset[str]) -> pd.DataFrame:
    """Rows of subjects who take part, each once.

    Raises
    ------
    InputError
        If a subject has several rows.
    """
    ids = frame.index
    # Releases blank out the ids of people who withdrew, or make them negative.
    text = pd.Series(ids, dtype="string").fillna("")
    blank = ((text == "") | text.str.startswith("-")).to_numpy(dtype=bool)
    if blank.any():
        logger.warning("%s: %d rows without a valid id dropped", path.name, blank.sum())
    gone = ids.isin(withdrawn) & ~blank
    if withdrawn:
        log_withdrawn(path.name, int(gone.sum()), len(withdrawn))
    frame = frame[~(blank | gone)]
    repeated = frame.index.duplicated(keep=False)
    if repeated.any():
        raise InputError(
            f"{frame.index[repeated].nunique()} subjects have several rows",
            file=path,
            subjects=int(repeated.sum()),
            of=len(frame),
            remedy="Keep one row per subject: visits are columns (instances), not rows.",
        )
    return frame


def join(left: pd.DataFrame, right: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Outer join; columns that both have must agree, and fill each other's gaps.

    Raises
    ------
    InputError
        If they do not.
    """
    both = [c for c in right if c in left]
    common = left.index.intersection(right.index)
    for column in both:
        a, b = left.loc[common, column], right.loc[common, column]
        differ = (a != b) & a.notna() & b.notna()
        if differ.any():
            raise InputError(
                "differs from the same field in another table",
                file=path,
                column=column,
                subjects=int(differ.sum()),
                of=len(common),
                remedy="Keep the newer one.",
            )
    return left.combine_first(right) if both else left.join(right, how="outer")
