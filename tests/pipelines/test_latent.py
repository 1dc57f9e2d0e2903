"""Strategies with norms, indicators of missing values and factors, as integration runs them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.cca.inference import infer_pairs
from neurogenomics_kb.pipelines.integration.analyses.logo.leave_one_out import attribute_block
from neurogenomics_kb.pipelines.integration.cohort import assemble_cohort
from neurogenomics_kb.pipelines.integration.design import (
    confound_matrix,
    covariates_for,
    prepare_block,
)
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.cards import EmbeddingStrategy
from neurogenomics_kb.stats.prediction.folds import make_folds
from tests.pipelines.conftest import make_cohort, make_recipe

ITEMS = 12
STRATEGY = {
    "id": "latent_v1",
    "modality": "behaviour",
    "features": ["instruments"],
    "preprocessing": [{"step": "norms"}],
    "projector": {"type": "factor_analysis", "factors": 2, "missing_indicators": True},
}


def with_behaviour(strategy=None, **experiment):
    recipe = make_recipe(
        blocks={"behaviour": "latent_v1", "brain": "brain_v1"},
        subjects_per_dimension=5,
        attribution_block="behaviour",
        **experiment,
    )
    card = EmbeddingStrategy(**{**STRATEGY, **(strategy or {})})
    blocks = {"behaviour": card, "brain": recipe.blocks["brain"]}
    return recipe.model_copy(update={"blocks": blocks})


def cohort_with_items(n=240, seed=0, signal=1.0, gaps=0.08, curve=1.0):
    """Items of two factors, one of which the first regions share; age bends both."""
    rng = np.random.default_rng(seed + 1000)
    participants, features, quality = make_cohort(n, seed, signal)
    shared = features["smri"].iloc[:, :3].mean(axis=1).to_numpy() * signal
    bend = ((participants["age"].to_numpy() - 60) / 10) ** 2
    factors = np.column_stack([shared + rng.normal(size=n), rng.normal(size=n)])
    items = np.repeat(factors, ITEMS // 2, axis=1) + rng.normal(size=(n, ITEMS))
    items += curve * bend[:, None]
    features["smri"] = features["smri"] + curve * bend[:, None]
    items[rng.random(items.shape) < gaps] = np.nan
    names = [f"behaviour__instruments__q{j:02d}" for j in range(ITEMS)]
    features["behaviour"] = pd.DataFrame(items, participants.index, names)
    quality["behaviour"] = pd.DataFrame({"included": True, "reason": ""}, participants.index)
    return participants, features, quality


@pytest.fixture(scope="module")
def assembled():
    recipe = with_behaviour()
    table, blocks, *_ = assemble_cohort(recipe, *cohort_with_items())
    folds = make_folds(
        table["diagnosis"], scheme="stratified_grouped", n_splits=4,
        groups=table["family_id"], seed=0,
    )  # fmt: skip
    return recipe, table, blocks, folds.loc[table.index]


def fit(recipe, table, blocks, rows=slice(None), **options):
    covariates = covariates_for(recipe, table)
    frame = pd.concat([blocks["behaviour"], covariates], axis=1)
    fitted = build_transformer(recipe, "behaviour", covariates.columns, **options)
    return fitted.fit(frame.iloc[rows]), frame


def test_every_fold_gets_factors_and_indicators_and_says_how_many(assembled):
    recipe, table, blocks, folds = assembled
    projections, summary = project_blocks(recipe, table, blocks, folds)
    scores = projections["behaviour-adjusted-0"]
    assert scores.columns[:2].tolist() == [
        "behaviour__latent__factor1", "behaviour__latent__factor2",
    ]  # fmt: skip
    assert len(scores) == len(table)
    assert scores.notna().all(axis=None)
    assert scores.columns[2:].str.endswith("__is_missing").all()
    rows = summary[summary["block"] == "behaviour"]
    assert set(rows["asked"]) == {2}
    assert set(rows["kept"]) == {ITEMS}
    assert rows["variance"].between(0.1, 0.9).all()


def test_norms_take_the_curve_of_age_out_of_the_factors(assembled):
    recipe, table, blocks, folds = assembled
    projections, _ = project_blocks(recipe, table, blocks, folds)
    bend = ((table["age"] - 60) / 10) ** 2
    strength = {
        variant: np.abs(projections[f"behaviour-{variant}-0"].iloc[:, :2].corrwith(bend)).max()
        for variant in ("adjusted", "unadjusted")
    }
    assert strength["unadjusted"] > 0.5
    assert strength["adjusted"] < 0.15


def test_test_subjects_do_not_change_what_is_fitted(assembled):
    recipe, table, blocks, _ = assembled
    train = np.arange(160)
    fitted, frame = fit(recipe, table, blocks, train)
    expected = fitted.transform(frame.iloc[train])
    spoiled = frame.copy()
    spoiled.iloc[160:, :ITEMS] = np.where(spoiled.iloc[160:, :ITEMS] > 0, 1e3, np.nan)
    again = build_transformer(recipe, "behaviour", covariates_for(recipe, table).columns)
    again.fit(spoiled.iloc[train]).transform(spoiled)
    pd.testing.assert_frame_equal(again.transform(spoiled.iloc[train]), expected)
    # The leak that this looks for is seen when it is planted.
    leaking, _ = fit(recipe, table, {"behaviour": spoiled.iloc[:, :ITEMS]})
    planted = leaking.transform(frame.iloc[train])
    assert np.abs(planted.iloc[:, :2].to_numpy() - expected.iloc[:, :2].to_numpy()).max() > 0.1


def test_who_needs_features_gets_them_complete(assembled):
    recipe, table, blocks, _ = assembled
    ready = prepare_block(recipe, "behaviour", blocks["behaviour"], table)
    assert ready.columns[:ITEMS].tolist() == blocks["behaviour"].columns.tolist()
    assert ready.notna().all(axis=None)
    there = blocks["behaviour"].notna()
    pd.testing.assert_frame_equal(ready.iloc[:, :ITEMS].where(there), blocks["behaviour"])


def test_norms_are_confounds_of_the_permutation_test(assembled):
    recipe, table, *_ = assembled
    assert recipe.blocks["behaviour"].confounds == ["age", "sex"]
    Z = confound_matrix(recipe, table)
    bend = ((table["age"].to_numpy() - 60) / 10) ** 2
    design = np.column_stack([np.ones(len(Z)), Z])
    left = bend - design @ np.linalg.lstsq(design, bend, rcond=None)[0]
    assert (left**2).sum() < 0.01 * ((bend - bend.mean()) ** 2).sum()
    linear = confound_matrix(with_behaviour({"preprocessing": [
        {"step": "impute"}, {"step": "residualize", "confounds": ["age", "sex"]},
    ]}), table)  # fmt: skip
    assert linear.shape[1] < Z.shape[1]


def test_canonical_correlation_and_attribution_run_on_factors(assembled):
    recipe, table, blocks, folds = assembled
    inference, _, loadings, axes = infer_pairs(recipe, table, blocks, folds)
    first = inference.iloc[0]
    assert first["p_adjusted"] <= 0.05
    assert axes.notna().all(axis=None)
    own = loadings[loadings["block"] == "behaviour"]
    assert {"factor1", "factor2"} <= set(own["unit"])
    result, notes = attribute_block(recipe, table, blocks, folds)
    assert set(blocks["behaviour"].columns.str.split("__").str[2]) <= set(result["unit"])
    assert result["delta"].notna().all()
    assert notes


def test_false_positives_stay_rare_when_age_bends_both_blocks():
    """Linear confounds alone would find the curve; the norms' curve is among the confounds."""
    recipe = with_behaviour(n_permutations=99, n_bootstraps=0, n_components=1)
    bent = {"preprocessing": [
        {"step": "impute"}, {"step": "residualize", "confounds": ["age", "sex"]},
    ]}  # fmt: skip
    naive = with_behaviour(bent, n_permutations=99, n_bootstraps=0, n_components=1)
    p_values, p_naive = [], []
    for seed in range(12):
        raw = cohort_with_items(n=120, seed=seed, signal=0.0)
        table, blocks, *_ = assemble_cohort(recipe, *raw)
        folds = pd.Series(np.arange(len(table)) % 4, table.index)
        p_values.append(infer_pairs(recipe, table, blocks, folds)[0]["p_adjusted"].iloc[0])
        p_naive.append(infer_pairs(naive, table, blocks, folds)[0]["p_adjusted"].iloc[0])
    assert np.mean(np.array(p_naive) <= 0.05) > 0.8
    # Twelve runs at 0.05: more than four would be seen in 2 of 10,000 series.
    assert np.sum(np.array(p_values) <= 0.05) <= 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"preprocessing": [{"step": "missing_indicators"}]},
            "indicators of missing values are asked for twice",
        ),
        (
            {"preprocessing": [{"step": "impute"}, {"step": "missing_indicators"}],
             "projector": {"type": "none"}},
            "`missing_indicators` comes before `impute`",
        ),
        ({"preprocessing": [{"step": "norms", "bands": [6, 9]}]}, "`bands` belong to method"),
        (
            {"preprocessing": [{"step": "norms", "method": "bands", "bands": [9, 6]}]},
            "two or more increasing edges",
        ),
        ({"projector": {"type": "factor_analysis", "factors": 0}}, "greater than or equal to 1"),
        ({"projector": {"type": "factor_analysis", "factors": 2, "rotation": "promax"}}, "varimax"),
    ],
)  # fmt: skip
def test_unusable_strategies_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingStrategy(**{**STRATEGY, **changes})


def test_gaps_before_a_regression_are_named(assembled):
    _, table, blocks, _ = assembled
    steps = [{"step": "residualize", "confounds": ["age"]}]
    with pytest.raises(InputError, match=r"missing or infinite values.*Put an impute step before"):
        fit(with_behaviour({"preprocessing": steps}), table, blocks)
