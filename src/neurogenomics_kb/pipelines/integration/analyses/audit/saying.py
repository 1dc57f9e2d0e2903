"""How the audit's sentences are made: told, seen by nobody, or not told."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    LEVEL,
    NOT_TOLD,
    STRICT,
)

Sentence = dict[str, str]
SUCH = "in 80 of 100 such cohorts"


def say(level: str, text: str) -> Sentence:
    """One sentence."""
    return {"level": level, "text": text}


def told(rows: pd.DataFrame, worth: float) -> pd.DataFrame:
    """Rows that found something: worth a word, beyond chance over the whole check."""
    return rows[
        (rows["value"] >= worth) & (rows["p_adjusted"] <= LEVEL) & ~(rows["p_raw"] > STRICT)
    ]


def rest(rows: pd.DataFrame, worth: float) -> pd.DataFrame:
    """Rows that have a number, a null distribution, and nothing to tell."""
    known = rows["value"].notna() & rows["p_adjusted"].notna()
    return rows[known & ~rows.index.isin(told(rows, worth).index)]


def unknown(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without a number, or without anything to hold it against."""
    return rows[rows["value"].isna() | rows["p_adjusted"].isna()]


def seen_or_not(
    rows: pd.DataFrame, promised: float, *, clean: str, open_: str, measure: str
) -> list[Sentence]:
    """An ok for the rows that could have seen the promised size, a not told for the others.

    Parameters
    ----------
    rows : DataFrame
        From `rest`.
    promised : float
        Size that "ok" promises to have seen.
    clean, open_ : str
        Starts of both sentences; ``{blocks}`` is replaced.
    measure : str
        What the sizes are, with its article: "an AUC".
    """
    able = rows["seen"] <= promised
    out = []
    if able.any():
        mine = rows[able]
        out.append(
            say("ok", f"{clean.format(blocks=listed(mine['block']))}: {measure} of "
                f"{mine['seen'].max():.2f} would have been seen {SUCH}.")
        )  # fmt: skip
    if not able.all():
        mine = rows[~able]
        ends = dict.fromkeys(f"{mine['seen'].agg(end):.2f}" for end in ("min", "max"))
        sizes = " to ".join(ends)
        out.append(
            say(NOT_TOLD, f"{open_.format(blocks=listed(mine['block']))}: nothing was found, but "
                f"it takes {measure} of {sizes} to be seen {SUCH}, and {promised:.2f} should be.")
        )  # fmt: skip
    return out


def listed(names: Iterable[str]) -> str:
    """Names in a row, each once."""
    names = [str(n) for n in dict.fromkeys(names)]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def why(detail: str) -> str:
    """The reason in a row's detail, without the words that its level says."""
    for start in ("not told, since ", "not told "):
        detail = detail.removeprefix(start)
    return detail
