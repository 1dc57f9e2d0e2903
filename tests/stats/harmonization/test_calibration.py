"""No signal in, none out; and what the naive way makes of the same cohorts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.stats.harmonization import ComBat, harmonization_effects
from neurogenomics_kb.stats.inference.audit import FoldDecoder
from neurogenomics_kb.stats.roc import auc_score
from tests.stats.harmonization.conftest import FEATURES, METHODS, make_table, seen_by

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than 30 subjects")
COHORTS = 24


def cohort(seed: int, visits: int = 1):
    """Sites shift and scale features; the outcome has to do with neither."""
    table = make_table(120 // visits, visits, seed=seed)
    rng = np.random.default_rng(1000 + seed)
    children = table["child_id"].unique()
    cases = pd.Series(rng.permutation(len(children)) % 2, index=children)
    folds = pd.Series(rng.permutation(len(children)) % 4, index=children)
    y = table["child_id"].map(cases).to_numpy(dtype=float)
    return table, y, table["child_id"].map(folds).to_numpy()


def held_out_auc(parts, y, folds) -> float:
    scores = FoldDecoder(parts, folds).scores(y[:, None])[:, 0]
    return float(np.mean([auc_score(y[folds == k], scores[folds == k]) for k in range(4)]))


def fitted_in_folds(method, table, folds):
    return [
        method().fit(table[folds != k]).transform(table).to_numpy() for k in range(folds.max() + 1)
    ]


@pytest.mark.parametrize("name", [n for n in METHODS if n != "nonparametric"])
def test_prediction_without_signal_stays_at_chance(name):
    visits = 2 if name == "longitudinal" else 1
    found = []
    for seed in range(8 if name == "unlearning" else COHORTS):
        table, y, folds = cohort(seed, visits)
        seen = seen_by(METHODS[name](), table)
        found.append(held_out_auc(fitted_in_folds(METHODS[name], seen, folds), y, folds))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - 0.5) < 3 * error + 0.005, found


def test_preserving_the_outcome_over_all_rows_leaks():
    """With sites that differ much in their share of cases the naive way finds a signal."""
    naive, honest = [], []
    for seed in range(COHORTS):
        table, _, folds = cohort(seed)
        rng = np.random.default_rng(seed)
        share = table["site"].map({"a": 0.9, "b": 0.5, "c": 0.1}).to_numpy()
        y = (rng.random(len(table)) < share).astype(float)
        features = table[[*FEATURES, "site"]]
        everything = ComBat("site", ["case"]).fit_transform(features.assign(case=y))
        naive.append(held_out_auc(everything.to_numpy(), y, folds))
        parts = fitted_in_folds(lambda: ComBat("site"), features, folds)
        honest.append(held_out_auc(parts, y, folds))
    assert np.mean(naive) > 0.6
    assert np.mean(honest) < 0.55


@pytest.mark.parametrize("name", ["combat", "gam", "covbat", "longitudinal"])
def test_effects_tell_that_the_site_went_and_biology_stayed(name):
    table = make_table(200, 2, seed=3)
    male = (table["sex"] == "male").to_numpy()
    table[FEATURES] += np.outer(male, np.linspace(-1.5, 1.5, len(FEATURES)))
    folds = table["child_id"].str[1:].astype(int).to_numpy() % 4
    seen = seen_by(METHODS[name](), table)
    before = [table[FEATURES].to_numpy()] * 4
    after = fitted_in_folds(METHODS[name], seen, folds)
    effects = harmonization_effects(
        before, after, folds, table["site"].to_numpy(), {"age": table["age"], "sex": table["sex"]}
    ).set_index("of")
    site = effects.loc["site"]
    assert site["chance"] == pytest.approx(1 / 3)
    assert site["before"] > 0.6
    assert site["after"] - site["chance"] < 0.5 * (site["before"] - site["chance"])
    assert effects.loc["age", "measure"] == "R²"
    assert effects.loc["sex", "measure"] == "AUC"
    for of in ("age", "sex"):
        row = effects.loc[of]
        assert row["before"] > row["chance"] + 0.2
        assert row["after"] > row["before"] - 0.1


def test_decodability_of_noise_is_chance_for_sites_of_unequal_size():
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        site = rng.choice(["a", "b", "c"], 150, p=[0.7, 0.2, 0.1])
        folds = rng.permutation(150) % 3
        noise = rng.normal(size=(150, 5))
        effects = harmonization_effects([noise] * 3, [noise] * 3, folds, site, {})
        found.append(effects["after"].iloc[0])
    assert np.mean(found) == pytest.approx(1 / 3, abs=0.03)
