"""What every check of the audit reads: cohort, folds, relabellings, blocks as folds see them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.table import row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    LEVEL,
    WORTH_AUC,
    WORTH_R,
)
from neurogenomics_kb.pipelines.integration.projection import fitted_block
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.audit import Decoded, FoldDecoder, label_permutations
from neurogenomics_kb.stats.prediction.folds import NEVER_TESTED, make_folds

MAX_PERMUTATIONS = 500
ADJUSTED, UNADJUSTED = "confounds regressed out", "confounds left in"
VARIANTS = {"adjusted": ADJUSTED, "unadjusted": UNADJUSTED}
# A relabelling that moves fewer labels than this share of what free ones move shows nothing.
MOVED = 0.25
OWN_SPLITS = 5


@dataclass(frozen=True)
class Audit:
    """What every check reads.

    Attributes
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people, named by the index.
    blocks : dict of str to DataFrame
        Raw features.
    folds : ndarray (n,)
        Test fold of every person.
    families : ndarray (n,) or None
        Who changes place as a whole.
    n_permutations : int
        Relabellings.
    """

    recipe: Recipe
    cohort: pd.DataFrame
    blocks: dict[str, pd.DataFrame]
    folds: np.ndarray
    families: np.ndarray | None
    n_permutations: int
    _relabelled: dict = field(default_factory=dict, compare=False)

    def relabel(self, strata: np.ndarray | None = None) -> np.ndarray:
        """Relabellings of families, inside strata if given."""
        if strata is None and "free" in self._relabelled:
            return self._relabelled["free"]
        rows = label_permutations(
            len(self.cohort),
            self.n_permutations,
            families=self.families,
            strata=strata,
            random_state=self.recipe.experiment.seed,
        )
        if strata is None:
            self._relabelled["free"] = rows
        return rows

    def relabel_column(self, labels: np.ndarray) -> np.ndarray:
        """Relabellings that move the labels of a column.

        Families as wholes; where every family has its labels in the same order, as children have
        their waves, rows change places inside families instead.

        Raises
        ------
        InputError
            If nothing may change places.
        """
        rows = self.relabel()
        if self.families is None:
            return rows
        _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        moved = np.mean([(codes[order] != codes).mean() for order in rows[1:]])
        shares = sizes / len(labels)
        if moved >= MOVED * (1 - (shares**2).sum()):
            return rows
        return label_permutations(
            len(labels),
            self.n_permutations,
            strata=self.families,
            random_state=self.recipe.experiment.seed,
        )

    @property
    def outcome(self) -> np.ndarray:
        """Outcome of the analysed subjects: 0/1, a score, or names of classes."""
        values = self.cohort[self.recipe.experiment.outcome]
        return values.to_numpy(dtype=str if self.recipe.multiclass else float)

    @property
    def chance(self) -> float:
        """What a decoder of the outcome reaches by chance."""
        return 0.0 if self.recipe.continuous else 0.5

    @property
    def worth(self) -> float:
        """Smallest performance on the outcome that is spoken of."""
        return WORTH_R if self.recipe.continuous else WORTH_AUC

    def identities(self) -> dict[str, np.ndarray]:
        """Site, batch, cohort and wave columns with several levels, small ones taken together."""
        found = {
            c: merge_small(self.cohort[c].astype(str).to_numpy())
            for c in self.recipe.audited_columns
            if c in self.cohort
        }
        return {c: v for c, v in found.items() if len(np.unique(v)) > 1}

    def groups(self) -> dict[str, np.ndarray]:
        """Those of them that do not change between the visits of one person."""
        waves = self.recipe.wave_columns
        return {c: v for c, v in self.identities().items() if c not in waves}

    def own_folds(self, labels: np.ndarray) -> np.ndarray:
        """Second folds, stratified by labels, families together.

        Raises
        ------
        InputError
            If the labels do not allow folds.
        """
        return own_folds(labels, self.families, self.cohort.index, self.recipe.experiment.seed + 1)

    def fitted(self, block: str, train: np.ndarray, *, residualize: bool) -> pd.DataFrame:
        """A block as the fold with these training people sees it, projector left out."""
        return fitted_block(
            self.recipe, block, self.blocks[block], self.cohort, train, residualize=residualize
        )

    def decoder(self, block: str, folds: np.ndarray, *, residualize: bool) -> FoldDecoder:
        """Decoder of a block on some folds, one of which is fitted and in memory at a time."""
        splits = FoldDecoder.splits_of(folds)

        def features(k: int) -> np.ndarray:
            return self.fitted(block, splits[k][0], residualize=residualize).to_numpy()

        return FoldDecoder(features, folds)

    def judged_rows(
        self, found: list[tuple[dict, Decoded]], worth: float, n_tests: int | None = None
    ) -> list[dict]:
        """Rows of decoders that are looked at together, with adjusted p and the size seen."""
        n_tests = max(1, len(found) if n_tests is None else n_tests)
        return [
            row(
                **known,
                value=d.value,
                p_raw=d.p_value,
                p_adjusted=d.tail.p_value(d.value, n_tests),
                seen=d.tail.seen(LEVEL, n_tests, least=worth),
            )
            for known, d in found
        ]


def own_folds(
    labels: np.ndarray, families: np.ndarray | None, index: pd.Index, seed: int
) -> np.ndarray:
    """Folds that are stratified by labels, families together.

    Raises
    ------
    InputError
        If the labels do not allow folds.
    """
    groups = None if families is None else pd.Series(families, index=index, name="family")
    rarest = int(np.unique(labels, return_counts=True)[1].min())
    folds = make_folds(
        pd.Series(labels, index=index, name="label"),
        scheme="stratified" if groups is None else "stratified_grouped",
        n_splits=max(2, min(OWN_SPLITS, rarest)),
        groups=groups,
        seed=seed,
    )
    return folds.loc[index].to_numpy()


def merge_small(labels: np.ndarray) -> np.ndarray:
    """Levels of few subjects as one; with the smallest other level, if still few."""
    levels, sizes = np.unique(labels, return_counts=True)
    order = np.argsort(sizes, kind="stable")
    n_small = int((sizes < MINIMUM_CELL).sum())
    if not n_small:
        return labels
    if sizes[order[:n_small]].sum() < MINIMUM_CELL:
        n_small += 1
    return np.where(np.isin(labels, levels[order[:n_small]]), "small ones together", labels)


def shows(folds: np.ndarray, labels: np.ndarray) -> bool:
    """Whether every test fold holds two labels, and every label is in two test folds.

    Folds that are the sites hold one each, and a label of one fold alone is never trained on.
    """
    tested = folds != NEVER_TESTED
    table = pd.crosstab(folds[tested], labels[tested]).to_numpy() > 0
    known = len(np.unique(labels[tested])) == len(np.unique(labels))
    enough = len(table) > 1 or not tested.all()
    return bool(
        known
        and enough
        and (table.sum(axis=1) > 1).all()
        and (len(table) == 1 or (table.sum(axis=0) > 1).all())
    )


def refused(error: InputError) -> str:
    """Why a check could not be made, for its row."""
    return f"not told, since {str(error).splitlines()[0]}"
