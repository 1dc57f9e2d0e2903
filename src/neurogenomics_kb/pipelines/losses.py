"""Whom quality control loses: by site and outcome, with a test of whether that is even."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from scipy import stats

logger = logging.getLogger(__name__)

# Losses are called uneven from here on.
ALPHA = 0.05
DRAWS = 9_999
# Smallest number of people that a sentence of the report may count.
FEWEST = 10


def uneven_losses(
    lost: pd.Series, groups: pd.Series, *, seed: int = 0
) -> tuple[pd.DataFrame, float, str]:
    """Losses by group, and how likely so uneven ones are by chance.

    Parameters
    ----------
    lost : Series of bool
        Who is lost.
    groups : Series
        Site or class of everybody; those without one do not count.
    seed : int
        Seed of the random numbers. Default 0.

    Returns
    -------
    table : DataFrame
        ``lost`` and ``of`` (numbers of people), by group.
    p : float
        Of Fisher's exact test for two groups; for more, of the chi-square statistic over tables
        with the same margins, drawn at random. 1 if there are no two groups or nobody is lost.
    test : str
        Name of the test.
    """
    known = groups.notna()
    counted = lost[known].groupby(groups[known].astype(str))
    table = pd.DataFrame({"lost": counted.sum().astype(int), "of": counted.size()})
    n_lost, n = int(table["lost"].sum()), int(table["of"].sum())
    if len(table) < 2 or n_lost in (0, n):
        return table, 1.0, "none"
    kept = table["of"] - table["lost"]
    if len(table) == 2:
        return table, float(stats.fisher_exact([table["lost"], kept]).pvalue), "Fisher's exact test"
    sizes = table["of"].to_numpy()
    expected = sizes * n_lost / n
    # With both margins given, lost and kept of a group depart from what is expected alike.
    weight = 1 / expected + 1 / (sizes - expected)
    seen = ((table["lost"].to_numpy() - expected) ** 2 * weight).sum()
    draws = np.random.default_rng(seed).multivariate_hypergeometric(
        sizes, n_lost, size=DRAWS, method="marginals"
    )
    drawn = ((draws - expected) ** 2 * weight).sum(axis=1)
    p = (1 + int((drawn >= seen - 1e-9).sum())) / (1 + DRAWS)
    return table, p, f"chi-square over {len(table)} groups, {DRAWS:,} draws"


def loss_notes(
    what: str,
    lost: pd.Series,
    columns: dict[str, pd.Series],
    *,
    remedy: str = "",
) -> list[str]:
    """Log who is lost to one reason, and say it where the losses are uneven.

    Parameters
    ----------
    what : str
        Modality and reason.
    lost : Series of bool
        Who is left out by the step.
    columns : dict of str to Series
        Site and outcome by their names; numbers with many values are left out.
    remedy : str
        What can be done.

    Returns
    -------
    list of str
        One sentence for the report, or nothing. Groups of fewer than ten people are not counted in
        it; the log, which stays with the data, counts all.
    """
    parts = []
    for name, groups in columns.items():
        table, p, test = uneven_losses(lost, groups)
        shown = ", ".join(f"{g} {row.lost} of {row.of}" for g, row in table.iterrows())
        logger.info("%s: lost by %s: %s (p %s)", what, name, shown, told_p(p))
        if p < ALPHA:
            parts.append(f"by {name} {told_groups(table)} ({test}, p {told_p(p)})")
    if not parts:
        return []
    share = lost.mean()
    note = f"{what}: the {share:.0%} lost are spread unevenly: {'; '.join(parts)}."
    logger.warning(note)
    return [f"{note} {remedy}".strip()]


def told_groups(table: pd.DataFrame, limit: int = 4) -> str:
    """Shares lost, of the groups that may be shown, the largest first."""
    visible = table[(table["of"] >= FEWEST) & ((table["lost"] >= FEWEST) | (table["lost"] == 0))]
    shares = (visible["lost"] / visible["of"]).sort_values(ascending=False, kind="stable")
    if shares.empty:
        return "in groups too small to show"
    chosen = shares if len(shares) <= limit else pd.concat([shares.head(limit - 1), shares.tail(1)])
    return ", ".join(f"{group} {share:.0%}" for group, share in chosen.items())


def told_p(p: float) -> str:
    """A p-value for a sentence; never 0."""
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


def classes_of(values: pd.Series, most: int = 12) -> pd.Series | None:
    """Values as classes; None for a score of many values."""
    return values if values.nunique() <= most else None
