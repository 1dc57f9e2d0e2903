"""Checks of what a permutation test of canonical correlation assumes, pair by pair of blocks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.assumptions.tables import (
    CAUTION,
    CHECKS,
    NOT_TOLD,
    OK,
    SENSITIVITY,
)
from neurogenomics_kb.pipelines.integration.analyses.cca.inference import (
    ADJUSTMENT,
    cca_of_pair,
    pairs_of,
)
from neurogenomics_kb.pipelines.integration.design import (
    capped,
    confound_matrix,
    curves_of_confounds,
    exchange_blocks,
    ready_blocks,
)
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.cca import CCAResult
from neurogenomics_kb.stats.inference.canonical import Side, orthonormal_side
from neurogenomics_kb.stats.inference.curves import curve_test
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Exchangeability
from neurogenomics_kb.stats.inference.exchangeable_rows import (
    UNKNOWN,
    RowCheck,
    beside_axes,
    row_lengths,
    scale_by_group,
    shared_likeness,
    shared_scale,
)
from neurogenomics_kb.stats.inference.residual_space import (
    HuhJhun,
    ResidualSpace,
    independent_design,
)
from neurogenomics_kb.stats.inference.spaces import (
    default_space,
    make_space,
    project_rows,
    rows_of_space,
)

logger = logging.getLogger(__name__)

CURVES = "curves and interactions of confounds"
SCALE = "unequal noise"
GROUPS = "unequal noise by group"
LIKENESS = "unequal likeness inside families"
AS_ON_CARD, ENRICHED, UNIT = "as on the card", "with curves and interactions", "rows of one length"

# Levels at which the checks warn. Curves and groups ask for two or three things at once, so that
# without a violation they fire in far fewer cohorts than their level says; together all of them
# warn in 2 to 3 of 100 clean cohorts.
LEVELS = {CURVES: 0.05, SCALE: 0.01, GROUPS: 0.05, LIKENESS: 0.015}
# Sizes that an ok vouches for. Lengths that go together at 0.35, and curves that explain a sixth of
# both blocks, are where a test at 0.05 begins to reject in every fifth cohort.
BOUNDS = {CURVES: 0.15, SCALE: 0.35, GROUPS: 0.15, LIKENESS: 0.35}
MAX_PERMUTATIONS = 999
# Curves may take this share of the degrees of freedom that the card's design leaves.
LARGEST_SHARE = 0.2


@dataclass(frozen=True)
class _Pair:
    """One pair of blocks in the residual space of the card's design."""

    names: tuple[str, str]
    tables: tuple[pd.DataFrame, pd.DataFrame]
    Z: np.ndarray
    space: ResidualSpace
    blocks: Blocks | None
    sides: tuple[Side, Side]
    n_axes: int
    seed: int
    n_permutations: int
    n_pairs: int

    @property
    def exchange(self) -> Exchangeability:
        """How rows of the space may change places."""
        return Exchangeability(rows_of_space(self.space, self.blocks), self.space.size)

    def options(self, check: str) -> dict:
        """Level, permutations and seed of a check."""
        return {
            "level": LEVELS[check] / self.n_pairs,
            "n_permutations": self.n_permutations,
            "random_state": self.seed,
        }

    def row(self, check: str, found: RowCheck, of: str = "", detail: str = "") -> dict:
        """Line of the table, with its answer."""
        level = LEVELS[check] / self.n_pairs
        if np.isnan(found.p_value):
            answer = NOT_TOLD
        elif found.p_value <= level:
            answer = CAUTION
        elif found.visible > BOUNDS[check] or 1 / (1 + self.n_permutations) > level:
            answer = NOT_TOLD
        else:
            answer = OK
        return {
            "x": self.names[0], "y": self.names[1], "check": check, "of": of,
            "value": found.value, "visible": found.visible, "bound": BOUNDS[check],
            "p_raw": found.p_value, "level": level, "answer": answer, "detail": detail,
        }  # fmt: skip


def check_pairs(
    recipe: Recipe, cohort: pd.DataFrame, blocks: Mapping[str, pd.DataFrame], cca: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check the assumptions of every pair, and test it a second time without them.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    blocks : mapping of str to DataFrame
        Raw features of every block, rows as in `cohort`; empty where no correlation was asked for.
    cca : DataFrame
        Canonical correlations on the card's design.

    Returns
    -------
    checks, sensitivity : DataFrame
        Contracts of `tables`.
    """
    pairs = pairs_of(blocks)
    if not pairs:
        return CHECKS.empty(), SENSITIVITY.empty()
    Z = confound_matrix(recipe, cohort)
    design = independent_design(Z, len(cohort))
    curves = curves_of_confounds(recipe, cohort)
    structure = exchange_blocks(recipe, cohort)
    space = make_space(design, structure, default_space(structure))
    experiment = recipe.experiment
    ready = ready_blocks(recipe, cohort, blocks, design)
    rows, lines = [], []
    for names in pairs:
        own = cca[(cca["x"] == names[0]) & (cca["y"] == names[1])]
        tables = (ready[names[0]], ready[names[1]])
        pair = _Pair(
            names, tables, Z, space, structure,
            tuple(
                orthonormal_side(
                    project_rows(space, table.to_numpy()), capped(recipe, name, space.size)
                )
                for name, table in zip(names, tables, strict=True)
            ),
            int((own["p_adjusted"] <= experiment.alpha).sum()),
            experiment.seed,
            min(experiment.n_permutations, MAX_PERMUTATIONS),
            len(pairs),
        )  # fmt: skip
        found, results = _check_pair(recipe, cohort, pair, curves)
        rows += found
        lines += [_as_on_card(own), *results]
    logger.info("assumptions: %d checks", len(rows))
    return (
        pd.DataFrame(rows, columns=list(CHECKS.names)),
        pd.concat(lines, ignore_index=True)[list(SENSITIVITY.names)],
    )


def _check_pair(
    recipe: Recipe, cohort: pd.DataFrame, pair: _Pair, curves: np.ndarray
) -> tuple[list[dict], list[pd.DataFrame]]:
    """Checks of one pair, and its correlations on other designs."""
    rows, results = [], []
    row, room = _curve_row(pair, curves)
    rows.append(row)
    if room:
        enriched = cca_of_pair(recipe, cohort, pair.names, pair.tables, np.hstack([pair.Z, curves]))
        results.append(_result_rows(pair, ENRICHED, enriched))
    found = _row_rows(recipe, cohort, pair)
    if any(row["answer"] == CAUTION for row in found) and not recipe.experiment.unit_rows:
        unit = cca_of_pair(recipe, cohort, pair.names, pair.tables, pair.Z, unit_rows=True)
        results.append(_result_rows(pair, UNIT, unit))
    return [*rows, *found], results


def _curve_row(pair: _Pair, curves: np.ndarray) -> tuple[dict, bool]:
    """Curves and products of confounds, and whether they leave room for a second test."""
    columns = curves.shape[1]
    if not columns:
        return pair.row(CURVES, UNKNOWN, detail="no confound has a curve or a product"), False
    if columns > LARGEST_SHARE * pair.space.size:
        detail = f"{columns} curves and products for {pair.space.size} degrees of freedom"
        return pair.row(CURVES, UNKNOWN, detail=detail), False
    found = curve_test(
        pair.sides, project_rows(pair.space, curves), pair.exchange, **pair.options(CURVES)
    )
    if found is None:
        detail = "the card's design holds them, or they leave no degrees of freedom"
        return pair.row(CURVES, UNKNOWN, detail=detail), False
    share = min(found.share_x, found.share_y)
    detail = (
        f"{columns} curves and products explain {found.share_x:.0%} of {pair.names[0]} and "
        f"{found.share_y:.0%} of {pair.names[1]}; the correlation changes by {-found.change:+.2f}"
    )
    return pair.row(CURVES, RowCheck(share, found.p_value, found.visible), detail=detail), True


def _row_rows(recipe: Recipe, cohort: pd.DataFrame, pair: _Pair) -> list[dict]:
    """Scale of the rows, of all people and by group, and likeness inside families."""
    rows = beside_axes(pair.sides, pair.n_axes)
    if rows is None:
        return [pair.row(SCALE, UNKNOWN, detail="a block of one dimension has no length beside "
                         "its axis")]  # fmt: skip
    lengths = tuple(row_lengths(part, pair.space) for part in rows)
    free = isinstance(pair.space, HuhJhun)
    classes = getattr(pair.space, "classes", np.zeros(len(lengths[0]), dtype=int))
    exchange = Exchangeability(None, len(cohort)) if free else pair.exchange
    out = [pair.row(SCALE, shared_scale(lengths, classes, exchange, **pair.options(SCALE)))]
    people = tuple(pair.space.lift(part) for part in rows)
    of_people = lengths if free else tuple((part**2).sum(axis=1) for part in people)
    for column in recipe.audited_columns:
        if column not in cohort:
            continue
        labels = cohort[column].astype(str).to_numpy()
        _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        large = sizes[codes] >= MINIMUM_CELL
        if (sizes >= MINIMUM_CELL).sum() < 2:
            continue
        found = scale_by_group(
            tuple(part[large] for part in of_people), labels[large], **pair.options(GROUPS)
        )
        out.append(pair.row(GROUPS, found, of=column))
    if pair.blocks is not None and pair.blocks.exchange_rows:
        families = np.asarray(pair.blocks.levels[-1].labels)
        # Two members have one likeness; only of three can some be closer than others.
        if np.unique(families, return_counts=True)[1].max() > 2:
            found = shared_likeness(people, families, **pair.options(LIKENESS))
            detail = "" if np.isfinite(found.p_value) else "too few families of three or more"
            out.append(pair.row(LIKENESS, found, detail=detail))
    return out


def _as_on_card(own: pd.DataFrame) -> pd.DataFrame:
    return own.assign(design=AS_ON_CARD)[list(SENSITIVITY.names)]


def _result_rows(pair: _Pair, design: str, result: CCAResult) -> pd.DataFrame:
    """One row per component on another design."""
    return pd.DataFrame(
        {
            "x": pair.names[0],
            "y": pair.names[1],
            "component": np.arange(1, len(result.correlations) + 1),
            "design": design,
            "correlation": result.correlations,
            "null_mean": result.null_correlations.mean(axis=0),
            "p_raw": result.p_values_uncorrected,
            "p_adjusted": result.p_values,
            "p_adjusted_low": np.maximum.accumulate(result.p_values_low),
            "p_adjusted_high": np.maximum.accumulate(result.p_values_high),
            "adjustment": ADJUSTMENT,
            "n_effective": result.n_effective,
            "n_permutations": result.draws,
        }
    )
