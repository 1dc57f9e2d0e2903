"""Scoring files of the PGS Catalog: read as they are published, or refused with the row.

Everything that could make a number wrong without a word is settled here, so that `pgs_catalog` sums
weights of rows that mean what they say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.builds import build_name, chromosome_name
from neurogenomics_kb.genome.scoring_text import read_fields
from neurogenomics_kb.genome.sequences import reverse_complement

# Positions in the build that the header names (harmonised), else the author's; never one of each.
HARMONISED, AUTHORS = ("hm_chr", "hm_pos"), ("chr_name", "chr_position")
OTHER = ("other_allele", "reference_allele", "hm_inferotherallele")
# Rows that say of themselves that their effect is not a weight per allele.
NOT_ADDITIVE = ("is_haplotype", "is_diplotype", "is_interaction", "is_dominant", "is_recessive")
STACKED = ("accession", "pgs_id")
WEIGHTS_BY_DOSAGE = ("dosage_0_weight", "dosage_1_weight", "dosage_2_weight")
# Spellings of nothing, in lower case.
GAPS = frozenset({"", ".", "na", "n/a", "nan", "<na>", "none", "null", "#n/a"})
USED = frozenset(
    {"effect_allele", "effect_weight", "allelefrequency_effect", "effect_type", "weight_type",
     "or", "hr", *HARMONISED, *AUTHORS, *OTHER, *NOT_ADDITIVE, *WEIGHTS_BY_DOSAGE, *STACKED}
)  # fmt: skip
FALSE = GAPS | {"false", "f", "no", "n", "0", "0.0", "nr", "-"}
# Words of what is said about weights: these are ratios, unless one of the others is there too.
RATIOS = frozenset({"or", "hr", "rr", "irr", "ratio", "ratios", "risk", "risks", "exp"})
ADDITIVE = frozenset({"log", "ln", "logor", "lnor", "loghr", "lnhr", "logodds", "beta", "betas"})
DIGITS = frozenset("0123456789+-.eE")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class ScoringFile:
    """Weights of one score.

    Parameters
    ----------
    name : str
        Id in the catalog.
    build : str
        Genome build of the positions, as the file says; ``unknown`` where it does not.
    variants : DataFrame
        Rows with a position: ``chrom, pos`` (1-based), ``effect, other, weight, frequency``.
        ``other`` holds one allele or several candidates with ``/`` between them; it and
        ``frequency`` may be missing. ``row`` is the number of the row in the file, from 1.
    unplaced : int
        Rows without a position.
    unplaced_weight : float
        Their total absolute weight.
    duplicates : int
        Rows that repeat another one and were left out.
    path : Path or None
        Where it was read from, for messages.
    """

    name: str
    build: str
    variants: pd.DataFrame
    unplaced: int
    unplaced_weight: float = 0.0
    duplicates: int = 0
    path: Path | None = None


def read_scoring_file(
    path: str | Path, *, ratios: Literal["refuse", "log", "as_given"] = "refuse"
) -> ScoringFile:
    """Scoring file of the PGS Catalog, plain or gzipped.

    Parameters
    ----------
    path : str or Path
        Columns are found by name whatever their case and order, separated by tabs (or, where the
        header has none, by commas, semicolons or blanks). Harmonised positions (``hm_chr,
        hm_pos``) come before the author's.
    ratios : {"refuse", "log", "as_given"}
        What to do with a file whose weights may be odds or hazard ratios, which do not add up:
        refuse it (default), take their logarithms, or add what the file gives.

    Raises
    ------
    InputError
        If a column is missing or there twice; the file holds several scores; a weight is blank,
        infinite or no number; an effect allele is blank; effects are not additive; a frequency is
        no share; a position is no whole number; one variant stands in rows that disagree; or
        weights may be ratios.
    """
    path = Path(path)
    header, raw = read_fields(path, USED)
    _refuse_special_effects(raw, path)
    _refuse_several_scores(raw, path)
    places, build = _places(raw, header, path)
    table = pd.DataFrame(
        {
            "chrom": by_value(raw[places[0]], chromosome_name),
            "pos": _positions(raw, places[1], path),
            "effect": _column(raw, "effect_allele", path).str.upper(),
            "other": _others(raw),
            "weight": _weights(raw, path),
            "frequency": _frequencies(raw, path),
            "row": np.arange(1, len(raw) + 1),
        }
    )
    _refuse_rows(table["effect"] == "", raw, path, "effect_allele", "effect alleles are blank")
    table["weight"] = _additive(table["weight"], raw, header, path, ratios)
    if not (table["weight"] != 0).any():
        raise InputError(
            "every weight is 0" if len(table) else "there is no variant",
            file=path,
            column="effect_weight",
            remedy="Download the file again.",
        )
    placed = (table["chrom"] != "") & table["pos"].notna()
    kept = table[placed].astype({"pos": np.int64})
    once = _without_duplicates(kept, path)
    return ScoringFile(
        name=header.get("pgs_id") or path.name.split(".")[0].split("_")[0] or path.name,
        build=build,
        variants=once.reset_index(drop=True),
        unplaced=int((~placed).sum()),
        unplaced_weight=float(table.loc[~placed, "weight"].abs().sum()),
        duplicates=len(kept) - len(once),
        path=path,
    )


def candidates(other: object) -> tuple[str, ...]:
    """Alleles of a cell that holds one, or several that were inferred; empty where there is none.

    Examples
    --------
    >>> candidates("['C', 'T']"), candidates("c/t"), candidates("")
    (('C', 'T'), ('C', 'T'), ())
    """
    if not isinstance(other, str):
        return ()
    parts = re.split(r"[/,;|\s]+", re.sub(r"[\[\]()'\"]", "", other).upper())
    return tuple(dict.fromkeys(p for p in parts if p.lower() not in GAPS))


def _column(raw: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """A column with its gaps as blanks.

    Raises
    ------
    InputError
        If it is missing.
    """
    if name not in raw:
        raise InputError(
            "a column is missing",
            file=path,
            column=name,
            remedy="Download the harmonised scoring file.",
        )
    return _blank(raw[name])


def _blank(values: pd.Series) -> pd.Series:
    gaps = values.str.lower().isin(GAPS)
    return values.mask(gaps, "") if gaps.any() else values


def _refuse_rows(
    wrong: pd.Series, raw: pd.DataFrame, path: Path, column: str, what: str, *, value: bool = False
) -> None:
    """Refuse rows with the number of the first and, where it helps, what it holds."""
    if not wrong.any():
        return
    first = int(np.flatnonzero(wrong)[0])
    shown = f"{raw[column].iloc[first]!r} in row {first + 1}" if value else f"in row {first + 1}"
    raise InputError(
        f"{int(wrong.sum())} {what}, first {shown}",
        file=path,
        column=column,
        remedy="Download the file again, or correct the row.",
    )


def by_value(values: pd.Series, change: Callable[[str], Any]) -> pd.Series:
    """A function of each value, called once per different value."""
    codes, different = pd.factorize(values)
    return pd.Series(np.array([change(v) for v in different], dtype=object)[codes], values.index)


# --- what the columns mean ----------------------------------------------------------------------


def _refuse_special_effects(raw: pd.DataFrame, path: Path) -> None:
    """Refuse effects that are not a weight per copy of an allele."""
    wrong = {name: ~raw[name].str.lower().isin(FALSE) for name in NOT_ADDITIVE if name in raw}
    if "effect_type" in raw:
        wrong["effect_type"] = ~raw["effect_type"].str.lower().isin(GAPS | {"additive", "nr"})
    wrong |= {name: _blank(raw[name]) != "" for name in WEIGHTS_BY_DOSAGE if name in raw}
    for name, rows in wrong.items():
        if rows.any():
            first = int(np.flatnonzero(rows)[0])
            raise InputError(
                "effects that do not add up per allele are not supported, first "
                f"{raw[name].iloc[first]!r} in row {first + 1}",
                file=path,
                column=name,
                remedy="Use the catalog's own calculator for this score.",
            )


def _refuse_several_scores(raw: pd.DataFrame, path: Path) -> None:
    """Refuse a table in which other programs stacked several scores."""
    for column in STACKED:
        names = raw[column].unique() if column in raw else []
        if len(names) > 1:
            raise InputError(
                f"the file holds {len(names)} scores, one below the other ({listing(names)})",
                file=path,
                column=column,
                remedy="Make one file of each.",
            )


def _places(
    raw: pd.DataFrame, header: dict[str, str], path: Path
) -> tuple[tuple[str, str], str]:  # fmt: skip
    """Columns of chromosome and position, and the build that they are of."""
    if all(name in raw for name in HARMONISED):
        stated = header.get("hmpos_build") or header.get("genome_build", "unknown")
        return HARMONISED, build_name(stated)
    for name in AUTHORS:
        _column(raw, name, path)
    stated = header.get("genome_build", "")
    if build_name(stated) == "unknown":
        stated = header.get("hmpos_build", "unknown")
    return AUTHORS, build_name(stated)


def _positions(raw: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """Positions as numbers, missing where blank."""
    text = _blank(raw[column])
    numbers = _numbers(text)
    # 1e+06 and 100.0 are whole numbers that other programs wrote; 0 is how some write none.
    whole = (numbers >= 0) & (numbers % 1 == 0) & (numbers < 2**31)
    _refuse_rows((text != "") & ~whole, raw, path, column, "positions are no whole numbers",
                 value=True)  # fmt: skip
    return numbers.where(numbers > 0)


def _numbers(text: pd.Series) -> pd.Series:
    """Plain decimal numbers; missing for everything else, hexadecimal and infinite included."""
    try:
        # What this takes for a finite number is one, but it takes nothing with a plus before it.
        numbers = pd.Series(_cast(text), text.index)
    except pa.ArrowInvalid:
        # What a converter would take for numbers, too: infinite, hexadecimal, with underscores.
        if not DIGITS.issuperset("".join(text.to_numpy(dtype=object))):
            text = text.where(text.str.fullmatch(NUMBER.pattern).astype(bool))
        numbers = pd.to_numeric(text, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def _cast(text: pd.Series) -> np.ndarray:
    values = pa.array(text, type=pa.large_string())
    given = pc.if_else(pc.equal(values, ""), None, values)
    return given.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _weights(raw: pd.DataFrame, path: Path) -> pd.Series:
    text = _column(raw, "effect_weight", path)
    numbers = _numbers(text)
    blank = text == ""
    _refuse_rows(blank, raw, path, "effect_weight", "weights are blank")
    _refuse_rows(numbers.isna(), raw, path, "effect_weight", "values are no numbers", value=True)
    return numbers


def _frequencies(raw: pd.DataFrame, path: Path) -> pd.Series:
    """Frequencies of the effect allele as shares, missing where the file has none."""
    column = "allelefrequency_effect"
    if column not in raw:
        return pd.Series(np.nan, raw.index)
    text = _blank(raw[column]).replace({"NR": "", "nr": ""})
    numbers = _numbers(text)
    given = text != ""
    _refuse_rows(given & numbers.isna(), raw, path, column, "values are no numbers", value=True)
    _refuse_rows(
        given & ~numbers.between(0, 1), raw, path, column, "frequencies are no shares of 0 to 1",
        value=True,
    )  # fmt: skip
    return numbers


def _others(raw: pd.DataFrame) -> pd.Series:
    """Other allele of each row, by the author or else inferred; missing where there is neither."""
    found = pd.Series("", raw.index, dtype=object)
    for name in OTHER:
        if name in raw:
            text = _blank(raw[name]).str.upper()
            found = found.mask(found == "", text)
    return by_value(found, lambda text: "/".join(candidates(text)) or None)


def _additive(
    weights: pd.Series,
    raw: pd.DataFrame,
    header: dict[str, str],
    path: Path,
    ratios: Literal["refuse", "log", "as_given"],
) -> pd.Series:
    """Weights that add up; ratios do not, their logarithms do."""
    if ratios == "as_given" or not _may_be_ratios(weights, raw, header):
        return weights
    if ratios == "log":
        return np.log(weights)
    raise InputError(
        "the weights are or may be odds or hazard ratios, which do not add up",
        file=path,
        column="effect_weight",
        remedy="Say `--ratios log` to add their logarithms, or `--ratios as_given` if they are "
        "logarithms already.",
    )


def _may_be_ratios(weights: pd.Series, raw: pd.DataFrame, header: dict[str, str]) -> bool:
    """Whether weights are ratios by what the file says of them, or by its column of ratios."""
    if not (weights > 0).all():
        return False
    for name in ("or", "hr"):
        if name in raw:
            ratio = _numbers(raw[name])
            both = ratio.notna() & (ratio > 0)
            if both.any():
                given, beside = weights[both], ratio[both]
                # Equal to their logarithms, up to the rounding of either: already additive.
                if np.allclose(given, np.log(beside), rtol=0.02, atol=0.006):
                    return False
                if np.allclose(given, beside, rtol=1e-3):
                    return True
    stated = {header.get("weight_type", "")}
    if "weight_type" in raw:
        stated |= set(raw["weight_type"])
    return any(map(_says_ratio, stated))


def _says_ratio(text: str) -> bool:
    """Whether a description of weights says that they are ratios.

    Examples
    --------
    >>> [_says_ratio(t) for t in ("OR", "odds_ratio", "Hazard Ratio (HR)", "log(OR)", "beta")]
    [True, True, True, False, False]
    >>> [_says_ratio(t) for t in ("OddsRatio", "exp(beta)", "NR", "log odds ratio")]
    [True, True, False, False]
    """
    # Words are letters in a row; a capital inside begins one (OddsRatio).
    words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()))
    if "exp" in words:
        return True
    return bool(words & RATIOS) and not words & ADDITIVE


def _without_duplicates(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Rows of different variants; one that is repeated is kept once.

    Raises
    ------
    InputError
        If rows of one variant disagree.
    """
    spot = table.duplicated(["chrom", "pos"], keep=False)
    if not spot.any():
        return table
    drop, seen = [], {}
    for row in table[spot].itertuples():
        others = candidates(row.other)
        # One variant, whichever allele counts and whichever strand is read.
        pair = frozenset([row.effect, *others])
        turned = frozenset(map(reverse_complement, pair))
        key = (row.chrom, row.pos, min(sorted(pair), sorted(turned)).__repr__())
        own = row.effect if sorted(pair) <= sorted(turned) else reverse_complement(row.effect)
        what = (own, row.weight, None if pd.isna(row.frequency) else row.frequency)
        before = seen.setdefault(key, (row.row, what))
        if before[0] == row.row:
            continue
        if before[1][:2] != what[:2]:
            raise InputError(
                f"rows {before[0]} and {row.row} are of one variant and disagree",
                file=path,
                column="effect_weight" if before[1][0] == own else "effect_allele",
                remedy="Keep the one that is meant.",
            )
        drop.append(row.Index)
    return table.drop(index=drop)
