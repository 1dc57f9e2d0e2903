"""Audit: one pass over the folds of a block, for every check that reads its features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.pipelines.integration.analyses.audit.context import Audit
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import FEWEST_SCALES
from neurogenomics_kb.pipelines.integration.analyses.audit.undeclared import block_likeness
from neurogenomics_kb.stats.inference.audit import (
    Decoded,
    Decoding,
    FoldDecoder,
    stratified_auc_influence,
)
from neurogenomics_kb.stats.inference.fold_ridge import FoldRidge
from neurogenomics_kb.stats.inference.likeness import Likeness
from neurogenomics_kb.stats.inference.target_proxy import (
    FeatureDistances,
    OneFactor,
    feature_distances,
    one_factor,
)
from neurogenomics_kb.stats.prediction.folds import NEVER_TESTED


class TestedFeatures:
    """Every tested person's features as the fold saw them in which the person is tested.

    Columns that filters of some folds dropped are left out; rows of who only trains are missing.

    Parameters
    ----------
    n : int
        People.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.names: list[str] | None = None
        self.values = np.empty((n, 0))

    def add(self, part: pd.DataFrame, test: np.ndarray) -> None:
        """Take the rows of one more fold."""
        if self.names is None:
            self.names = list(part.columns)
            self.values = np.full((self.n, len(self.names)), np.nan)
        kept = [i for i, name in enumerate(self.names) if name in part]
        if len(kept) < len(self.names):
            self.names, self.values = [self.names[i] for i in kept], self.values[:, kept]
        self.values[test] = part[self.names].to_numpy()[test]


class UnitScores:
    """Scores of the outcome by all features of a block, without a unit, and by a unit alone.

    Parameters
    ----------
    units : iterable of str
        Units that are looked at.
    y : ndarray (n,)
        Outcome, 0 or 1.
    """

    def __init__(self, units: Iterable[str], y: np.ndarray) -> None:
        self.y = y
        self.full = np.full(len(y), np.nan)
        self.of = {unit: np.full((2, len(y)), np.nan) for unit in units}

    def add(self, ridge: FoldRidge, columns: Iterable[str]) -> None:
        """Take the scores of one more fold; units that it lacks, or that are all of it, end."""
        names = list(columns)
        units, labels = units_of(names), self.y[ridge.train][:, None]
        self.full[ridge.test] = ridge.scores(labels)[0]
        for unit in list(self.of):
            own = np.asarray(units.get(unit, []), dtype=int)
            if not 0 < len(own) < len(names):
                del self.of[unit]
                continue
            others = np.setdiff1d(np.arange(len(names)), own)
            for scores, chosen in zip(self.of[unit], (others, np.sort(own)), strict=True):
                scores[ridge.test] = ridge.subset_scores(chosen, labels)[0]


@dataclass(frozen=True)
class Looked:
    """What was seen in a block on the run's folds, confounds regressed out.

    Attributes
    ----------
    names : list of str
        Features that every fold has.
    distances : FeatureDistances
        Every feature alone.
    decoded : Decoded
        All of them together.
    error : float
        Standard error of that over families.
    structure : OneFactor or None
        What they have in common beside the outcome; None for few features.
    alike : list of (str, Likeness)
        Small groups whose members may be alike, by column.
    units : UnitScores
        Of watched units.
    """

    names: list[str]
    distances: FeatureDistances
    decoded: Decoded
    error: float
    structure: OneFactor | None
    alike: list[tuple[str, Likeness]]
    units: UnitScores


def look_through(audit: Audit, name: str, units: list[str]) -> Looked:
    """Fit a block fold by fold, one of them in memory at a time, and fill every check.

    Parameters
    ----------
    audit : Audit
        What every check reads.
    name : str
        Block.
    units : list of str
        Units whose worth is looked at.
    """
    decoding = Decoding(audit.outcome, audit.relabel(), continuous=audit.recipe.continuous)
    two_classes = not (audit.recipe.continuous or audit.recipe.multiclass)
    watch = UnitScores(units, audit.outcome if two_classes else np.empty(0))
    features = TestedFeatures(len(audit.cohort))
    for train, test in FoldDecoder.splits_of(audit.folds):
        part = audit.fitted(name, train, residualize=True)
        features.add(part, test)
        ridge = FoldRidge(part.to_numpy(), train, test, subsets=bool(units))
        decoding.add(ridge)
        if two_classes:
            watch.add(ridge, part.columns)
        del part, ridge
    decoded, names = decoding.result(), features.names or []
    tested = audit.folds != NEVER_TESTED
    values = features.values if tested.all() else features.values[tested]
    outcome, folds = audit.outcome[tested], audit.folds[tested]
    distances = feature_distances(
        values, outcome, folds, relabelled_tested(audit), continuous=audit.recipe.continuous
    )
    structure = None
    if len(names) >= FEWEST_SCALES:
        if audit.recipe.multiclass:
            outcome = (outcome[:, None] == np.unique(outcome)[None, :]).astype(float)
        structure = one_factor(values, outcome, random_state=audit.recipe.experiment.seed)
    del values
    alike = block_likeness(audit, features.values)
    error = decoded_error(audit, decoded, watch.full)
    return Looked(names, distances, decoded, error, structure, alike, watch)


def unadjusted_units(audit: Audit, name: str, units: list[str]) -> UnitScores:
    """Scores of units with confounds left in."""
    watch = UnitScores(units, audit.outcome)
    for train, test in FoldDecoder.splits_of(audit.folds):
        part = audit.fitted(name, train, residualize=False)
        watch.add(FoldRidge(part.to_numpy(), train, test, subsets=True), part.columns)
    return watch


def relabelled_tested(audit: Audit) -> np.ndarray:
    """Relabellings of the tested people: those of all, less who only trains."""
    tested = np.flatnonzero(audit.folds != NEVER_TESTED)
    if len(tested) == len(audit.folds):
        return audit.relabel()
    rng = np.random.default_rng(audit.recipe.experiment.seed)
    draws = [rng.permutation(len(tested)) for _ in range(audit.n_permutations)]
    return np.vstack([np.arange(len(tested)), *draws])


def decoded_error(audit: Audit, decoded: Decoded, scores: np.ndarray) -> float:
    """Standard error over families of what was decoded from a block."""
    tested = audit.folds != NEVER_TESTED
    n = int(tested.sum())
    if audit.recipe.multiclass:
        return decoded.tail.spread  # about that under the null
    if audit.recipe.continuous:
        return float((1 - decoded.value**2) / np.sqrt(max(n - 3, 1)))
    _, influence = stratified_auc_influence(
        audit.outcome[tested], scores[tested], audit.folds[tested]
    )
    clusters = np.arange(n) if audit.families is None else audit.families[tested]
    codes = np.unique(clusters, return_inverse=True)[1]
    return float(np.sqrt((np.bincount(codes, influence) ** 2).sum()))
