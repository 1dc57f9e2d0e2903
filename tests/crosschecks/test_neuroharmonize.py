"""ComBat-GAM against stored numbers of neuroHarmonize (Pomponio et al. 2020).

`neuroharmonize.py` made them; neuroHarmonize wants an older NumPy than this project.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.stats.harmonization import ComBat, ComBatGAM
from tests.crosschecks.neuroharmonize import TRAIN, cohort

STORED = Path(__file__).parent / "reference" / "neuroharmonize.json"
# neuroCombat's inner loop stops at a relative change of 1e-4, and inputs are rounded.
TOLERANCE = 5e-4


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def table():
    covariates, values = cohort()
    features = pd.DataFrame(values.round(6), columns=[f"f{i}" for i in range(values.shape[1])])
    return pd.concat([features, covariates.round(6)], axis=1)


@pytest.fixture(scope="module")
def fitted(table):
    return ComBatGAM("SITE", ["sex"], smooth=["age"], df=10, penalty=0.0).fit(table.iloc[:TRAIN])


def test_training_rows_equal_those_of_neuroharmonize(stored, table, fitted):
    ours = fitted.transform(table.iloc[:TRAIN])
    np.testing.assert_allclose(ours, np.array(stored["fitted"]), atol=TOLERANCE)


def test_new_rows_of_all_sites_equal_those_of_neuroharmonize(stored, table, fitted):
    ours = fitted.transform(table)
    np.testing.assert_allclose(ours, np.array(stored["applied"]), atol=TOLERANCE)
    np.testing.assert_allclose(ours.iloc[TRAIN:], fitted.transform(table.iloc[TRAIN:]), atol=1e-12)


def test_without_a_smooth_term_it_is_combat(stored, table):
    train = table.iloc[:TRAIN]
    ours = ComBat("SITE", ["age", "sex"]).fit_transform(train)
    np.testing.assert_allclose(ours, np.array(stored["linear"]), atol=TOLERANCE)
    assert np.abs(ours.to_numpy() - np.array(stored["fitted"])).max() > 0.05
