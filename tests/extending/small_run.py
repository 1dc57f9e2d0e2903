"""The pipeline's own functions on a small cohort, from a recipe as it travels between nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.cca.inference import infer_pairs
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import predict_outcome
from neurogenomics_kb.pipelines.integration.analyses.prediction.score import score_models
from neurogenomics_kb.pipelines.integration.cohort import assemble_cohort
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.folds import make_folds
from tests.pipelines.conftest import make_cohort


@dataclass
class Study:
    """A recipe on a small cohort with one planted axis."""

    recipe: Recipe
    cohort: pd.DataFrame
    blocks: dict[str, pd.DataFrame]
    folds: pd.Series

    def project(self):
        return project_blocks(self.recipe, self.cohort, self.blocks, self.folds)

    def predict(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        projections, _ = self.project()
        predictions = predict_outcome(
            self.recipe, self.cohort, self.folds, projections, self.blocks
        )
        return predictions, *score_models(self.recipe, self.cohort, predictions)

    def correlate(self) -> pd.DataFrame:
        return infer_pairs(self.recipe, self.cohort, self.blocks, self.folds)[0]


def study_of(recipe: Recipe, n: int = 160, *, thirds: bool = False) -> Study:
    """Recipes travel as plain data, so what was added must come back from it.

    `thirds` adds a column of that name: low, middle or high score.
    """
    recipe = Recipe.model_validate(recipe.model_dump(mode="json"))
    participants, features, quality = make_cohort(n)
    if thirds:
        cuts = participants["score"].quantile([1 / 3, 2 / 3])
        names = np.array(["low", "middle", "high"], dtype=object)
        participants["thirds"] = names[np.searchsorted(cuts, participants["score"])]
    cohort, blocks, *_ = assemble_cohort(recipe, participants, features, quality)
    design = recipe.experiment.folds
    folds = make_folds(
        cohort[recipe.experiment.outcome],
        groups=cohort[design.group],
        scheme=design.scheme,
        n_splits=design.n_splits,
        seed=design.seed,
        continuous=recipe.continuous,
    )
    return Study(recipe, cohort, blocks, folds.loc[cohort.index])
