"""A dataset card drafted from a table, without a value of anybody in it.

The card may leave the cohort, the table may not. So levels are listed only where each has enough
subjects, ranges are rounded outward until no rare extreme is left in them, and gaps are given as
shares. What the draft cannot know says so and has to be filled in by a person.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from neurogenomics_kb.foundation.delimited import clean, read_text_table
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.tables import (
    GAPS,
    decode_columns,
    is_number,
    level_text,
    whole_codes,
)
from neurogenomics_kb.foundation.wide import read_outside
from neurogenomics_kb.registry.cards.datasets import NAMING_ROLES
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL, check_disclosure

MOST_LEVELS = 20
DIGITS = 2
IDS = (
    "participant_id", "subject_id", "eid", "participant.eid", "f.eid", "subjectkey",
    "src_subject_id", "subject", "sub", "participant", "record_id", "id", "iid",
)  # fmt: skip
CODES = (-1, -3, -9, -77, -88, -99, -777, -888, -999, -818, -9999)
SEX = {"f": "female", "m": "male", "female": "female", "male": "male"}
# Name of a column to its canonical name, role, unit; `{}` takes the number.
ROLES = (
    (r"age|age_(at_.*|years?|yrs?)|.*_age", "age", "confound", "years"),
    (r"age_?(in_)?months?|age_mo", "age_months", "confound", "months"),
    (r"sex|gender", "sex", "confound", ""),
    (r"site|site_?id.*|cent(er|re)|scanner(_?id)?|acquisition_site", "site", "site", ""),
    (r"(family|fam|fid|household)(_?id)?|rel_family_id", "family_id", "group", ""),
    (r"(?:genetic_|genotype_|anc_)?pc_?(\d{1,2})", "pc{}", "confound", ""),
    (r".*batch.*", None, "batch", ""),
    (r"(mean_?)?fd(_mean)?|mean_framewise_displacement", None, "confound", "mm"),
    (r".*(diagnosis|_dx|_case)|dx|case|case_control", None, "outcome", ""),
    (r"(house(hold)?_)?income|education(_.*)?|ses", None, "confound", ""),
)


def draft_dataset(path: str | Path, card_id: str, *, minimum: int = MINIMUM_CELL) -> dict[str, Any]:
    """Body of a dataset card that describes a table.

    Parameters
    ----------
    path : str or Path
        CSV, TSV (also gzipped) or Parquet, one or several rows per subject.
    card_id : str
        Also the cohort's id, which is the first thing to correct if it is part of another.
    minimum : int
        Fewest subjects behind a level, a bound or a share.

    Returns
    -------
    dict
        Planned; its reason says what has to be checked.

    Raises
    ------
    InputError
        If the table cannot be read, has no column that is recognisably the id, holds fewer than
        `minimum` subjects, or has subjects as columns.
    """
    table = read_table(Path(path), minimum)
    id_column = find_id(table, str(path))
    ids = table[id_column].astype("string").str.strip()
    subjects = ids.nunique()
    if subjects < minimum:
        raise InputError(
            f"holds fewer than {minimum} subjects, of whom nothing may be said",
            file=path,
            remedy="Draft the card from the whole table.",
        )
    known = set(ids.dropna())
    if any(str(column) in known for column in table):
        raise InputError(
            "column names are subject ids",
            file=path,
            remedy="Turn the table: one row per subject, one column per measure.",
        )
    repeated = len(table) > subjects
    columns: dict[str, Any] = {}
    taken: set[str] = set()
    for source in table.columns.drop(id_column):
        body = describe_column(str(source), table[source], ids, minimum)
        words = table.attrs.get("words", {}).get(source, [])
        if words and body["type"] != "number":
            body["description"] += (
                f"; TODO: {listing(words)} is taken for a gap unless it is among the levels"
            )
        if body["name"] in taken:
            body["name"] = str(source)
        taken.add(body["name"])
        columns[str(source)] = body
    notes = "Drafted from the table alone: levels of fewer than "
    notes += f"{minimum} subjects and exact extremes are left out on purpose."
    if repeated:
        notes += (
            " The table has several rows per subject, so it is not yet a table of participants."
        )
    body = {
        "title": "TODO: what the cohort is, in a few words",
        "cohort": card_id,
        "license": "TODO: licence or data use agreement",
        "access": "TODO: how a reader gets the data",
        "n_subjects": int(subjects),
        "status": "planned",
        "reason": "A draft: check names, types, units, ranges and roles; fill in what says TODO.",
        "notes": notes,
        "tables": {
            "participants": {"file": Path(path).name, "id_column": id_column, "columns": columns}
        },
    }
    check_disclosure(body, known, minimum=minimum, where=f"the card '{card_id}'")
    return body


def read_table(path: Path, minimum: int = MINIMUM_CELL) -> pd.DataFrame:
    """Table with a header.

    Raises
    ------
    InputError
        If it is missing, damaged, empty, or a column comes twice.
    """
    if not path.is_file():
        raise InputError("the table is missing", file=path, remedy="Give the path of a table.")
    if path.suffix == ".parquet":
        try:
            table = read_outside(path).reset_index()
        except InputError:
            raise
        except Exception as error:  # each library has its own, and some quote a row
            raise InputError(
                f"cannot be read as a table ({type(error).__name__})",
                file=path,
                remedy="Write it again.",
            ) from None
        table = table.drop(columns="index", errors="ignore")
    else:
        table = read_text_table(path)
        codes = [name for name in table if guess_role(name)[1] in NAMING_ROLES]
        words = {name: gap_words(table[name], minimum) for name in table}
        table = decode_columns(table, [*codes, *(n for n in table if n.lower() in IDS)])
        table.attrs["words"] = {n: w for n, w in words.items() if w}
    if table.empty:
        raise InputError("the table has no rows", file=path, remedy="Give the whole table.")
    return table


def gap_words(values: pd.Series, minimum: int) -> list[str]:
    """Words for a gap that enough rows hold to be a level."""
    counts = values[values.isin(GAPS - {"", "n/a"})].value_counts()
    return sorted(counts[counts >= minimum].index)


def find_id(table: pd.DataFrame, file: str) -> str:
    """Column of the subject ids, by its name.

    Raises
    ------
    InputError
        If no name is known: a guess by content could take a rare value for an id, or the reverse.
    """
    by_name = {str(c).lower(): c for c in table.columns}
    found = next((by_name[name] for name in IDS if name in by_name), None)
    if found is None:
        raise InputError(
            "no column is recognisably the subject id",
            file=file,
            remedy=f"Name it one of {listing(IDS, 6)}.",
        )
    return str(found)


def describe_column(source: str, values: pd.Series, ids: pd.Series, minimum: int) -> dict[str, Any]:
    """Card of one column; nothing on it belongs to fewer than `minimum` subjects."""
    name, role, unit = guess_role(source)
    present = values.notna() & ids.notna()
    holders = ids[present].nunique()
    body: dict[str, Any] = {"name": name}
    if holders < minimum:
        kind, facts, said = "text", {}, [f"fewer than {minimum} subjects have a value"]
        if pd.api.types.is_numeric_dtype(values) and role not in NAMING_ROLES:
            kind = "number"
    elif role in NAMING_ROLES:
        kind, facts, said = describe_codes(values[present], ids[present], name, minimum)
    elif pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        kind, facts, said = describe_numbers(values[present], ids[present], name, minimum)
    else:
        kind, facts, said = describe_text(values[present], ids[present], name, minimum)
    body["type"] = kind
    if unit and kind == "number":
        body["unit"] = unit
    body |= facts
    body["role"] = role if kind != "text" or role == "group" else "other"
    body["description"] = "; ".join([*said, describe_gaps(present, ids, minimum)])
    return body


def guess_role(source: str) -> tuple[str, str, str]:
    """Canonical name, role and unit by the name of a column."""
    plain = re.sub(r"[\s.\-]+", "_", source.strip()).lower()
    for pattern, name, role, unit in ROLES:
        match = re.fullmatch(pattern, plain)
        if match:
            number = next((g for g in match.groups() if g and g.isdigit()), "")
            return (name.format(int(number) if number else "") if name else source), role, unit
    return source, "other", ""


def describe_numbers(
    values: pd.Series, ids: pd.Series, name: str, minimum: int
) -> tuple[str, dict[str, Any], list[str]]:
    """Type, range and codes of a column of numbers."""
    counts = ids.groupby(values).nunique()
    if set(counts.index) == {0, 1}:
        return "binary", {}, []
    if name == "sex" and len(counts) <= MOST_LEVELS:
        return describe_levels(counts, name, minimum)
    codes = [c for c in CODES if c in counts.index and counts[c] >= minimum]
    rest = counts.drop(codes)
    facts: dict[str, Any] = {}
    if not codes or rest.empty or rest.index.min() < 0:
        rest = counts
    else:
        facts["missing_codes"] = codes
    low, high = rest.index.min(), rest.index.max()
    common = rest[rest >= minimum].index
    facts["range"] = list(outward(float(low), float(high), low in common, high in common))
    whole = bool((rest.index == rest.index.astype("int64")).all())
    return "number", facts, ["whole numbers"] if whole else []


def describe_codes(
    values: pd.Series, ids: pd.Series, name: str, minimum: int
) -> tuple[str, dict[str, Any], list[str]]:
    """Type and levels of sites, batches and families: names, whatever they look like."""
    text = whole_codes(values.map(lambda v: clean(level_text(v))).astype(object))
    counts = ids.groupby(text).nunique()
    if len(counts) > MOST_LEVELS:
        return "text", {}, [f"names, more than {MOST_LEVELS}"]
    kind, facts, said = describe_levels(counts, name, minimum)
    coded = [level for level in counts.index if is_number(level)]
    return kind, facts, [*said, "TODO: what the codes mean"] if coded and facts else said


def outward(low: float, high: float, low_common: bool, high_common: bool) -> tuple[float, float]:
    """Range that holds all values and shows no rare one.

    Bounds go outward to the leading digit of the span. One that would meet a rare extreme goes a
    step further, except that nothing below zero is invented.
    """
    span = high - low or max(abs(low), 1.0)
    step = 10.0 ** math.floor(math.log10(span))
    down = significant(math.floor(low / step) * step, math.floor)
    up = significant(math.ceil(high / step) * step, math.ceil)
    if down == low and not low_common:
        down = significant(down - step, math.floor)
    if up == high and not high_common:
        up = significant(up + step, math.ceil)
    down = max(down, 0.0) if low >= 0 else down
    return tuple(int(v) if float(v).is_integer() else v for v in (down, up))


def significant(value: float, rounding) -> float:
    """Value with few significant digits, rounded in one direction."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - DIGITS + 1)
    # Twelve digits: 0.3 / 0.1 is a hair below 3.
    rounded = rounding(round(value / unit, 9)) * unit
    return float(f"{rounded:.12g}")


def describe_text(
    values: pd.Series, ids: pd.Series, name: str, minimum: int
) -> tuple[str, dict[str, Any], list[str]]:
    """Type and, where none is rare, levels of a column of text."""
    text = values.astype("string").str.strip()
    if pd.api.types.is_datetime64_any_dtype(values) or text.str.fullmatch(
        r"\d{4}-\d{2}-\d{2}([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{4}"
    ).mean() > 0.9:  # fmt: skip
        return (
            "text",
            {},
            ["dates, which can identify people: leave them out if they are not needed"],
        )
    counts = ids.groupby(text).nunique()
    if len(counts) > MOST_LEVELS:
        return "text", {}, [f"text with more than {MOST_LEVELS} values"]
    return describe_levels(counts, name, minimum)


def describe_levels(
    counts: pd.Series, name: str, minimum: int
) -> tuple[str, dict[str, Any], list[str]]:
    """Levels of a category, all of them or none."""
    if (counts < minimum).any():
        said = f"levels are not listed, since some have fewer than {minimum} subjects"
        return "category", {}, [said]
    numbers = pd.api.types.is_numeric_dtype(counts.index)
    whole = numbers and all(float(v).is_integer() for v in counts.index)
    texts = [str(int(v)) if whole else str(v) for v in counts.index]
    known = SEX if name == "sex" else {}
    said = ["TODO: what the codes mean"] if numbers else []
    return "category", {"levels": {t: known.get(t.lower(), t) for t in texts}}, said


def describe_gaps(present: pd.Series, ids: pd.Series, minimum: int) -> str:
    """Share of gaps in whole percent, unless few subjects are behind it."""
    lacking = ids[~present].nunique()
    if lacking == 0:
        return "no gaps"
    if lacking < minimum or ids[present].nunique() < minimum:
        return "few gaps" if lacking < minimum else "almost all missing"
    return f"{100 * (~present).mean():.0f} % missing"
