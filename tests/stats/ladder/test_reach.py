"""What stacking and the product kernel reach over late fusion on drawn cohorts, over five seeds."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.cards.rungs import RUNGS
from neurogenomics_kb.registry.predictors import predictors_of
from neurogenomics_kb.simulate import ladder as drawn
from neurogenomics_kb.stats.ladder.concatenated import Concatenated
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.prediction.folds import inner_splits

SEEDS = range(5)
CARDS = Registry("kb")


def gain(cohort: drawn.LadderCohort, card_id: str) -> float:
    """AUROC of a card's rung less that of late fusion, mean of five folds."""
    card = CARDS.get(card_id, "alignment")
    options, _ = predictors_of([*card.rung.predictors, "linear"], CARDS)

    def predictor(name):
        return PREDICTORS.build(options[name], continuous=False, seed=0)

    blocks = {n: t.to_numpy() for n, t in cohort.blocks.items()}
    empty = {n: np.empty((len(cohort.y), 0)) for n in blocks}
    inputs = Inputs(blocks, empty, {n: [] for n in blocks}, cohort.groups)
    y = cohort.y.astype(float)
    gains = []
    for train, test in inner_splits(y, cohort.groups, n_splits=5):
        here, there = inputs.take(train), inputs.take(test)
        inside = inner_splits(y[train], here.groups)
        rung = RUNGS.build(card.rung, continuous=False, seed=0, predictor=predictor)
        late = Concatenated(predictor("linear"))
        a, b = (r.fit(here, y[train], inside).predict(there) for r in (rung, late))
        gains.append(roc_auc_score(y[test], a) - roc_auc_score(y[test], b))
    return float(np.mean(gains))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("generator", "card", "least"),
    [
        (partial(drawn.one_linear_one_absolute, 1000, 16), "ensemble_stacking", 0.05),
        (partial(drawn.product_of_axes, 1000, 8), "ensemble_stacking_joint", 0.10),
        (partial(drawn.product_of_axes, 1000, 8), "interaction_product_kernel", 0.12),
        (partial(drawn.additive, 1000, 16), "ensemble_stacking", -0.02),
        (partial(drawn.additive, 1000, 16), "ensemble_stacking_joint", -0.02),
        (partial(drawn.additive, 1000, 8), "interaction_product_kernel", -0.02),
    ],
)
def test_mean_gain_over_late_fusion(generator, card, least):
    found = [gain(generator(seed=seed), card) for seed in SEEDS]
    print(card, np.round(found, 3), round(np.mean(found), 3))
    assert np.mean(found) >= least
