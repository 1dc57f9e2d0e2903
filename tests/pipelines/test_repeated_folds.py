"""Repeats of the folds through the nodes of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.prediction.compare import fold_scores
from neurogenomics_kb.pipelines.integration.analyses.prediction.nodes import (
    compare_curved,
    predict_outcome,
    score_models,
)
from neurogenomics_kb.stats.prediction.resampling import corrected_resampled_t
from neurogenomics_kb.stats.roc import cv_auc
from tests.pipelines.conftest import make_cohort, make_recipe

FOLDS = {"scheme": "stratified_grouped", "n_splits": 3, "n_repeats": 2, "group": "family_id"}


def run(folds, **experiment):
    recipe = make_recipe(
        folds=folds, analyses=["prediction"], algorithms=["linear"], associations=[], **experiment
    )
    participants, features, quality = make_cohort(180, 3, 1.0)
    tables = [t for m in nodes.MODALITIES for t in (features[m], quality[m])]
    # Sorted, as a run has them from `standardize_participants`: folds are told by position.
    cohort, blocks, *_ = nodes.assemble_cohort(recipe, participants.sort_index(), *tables)
    placed, summary = nodes.split_folds(recipe, cohort)
    projections, dimensions = nodes.project_blocks(recipe, cohort, blocks, placed)
    predictions = predict_outcome(recipe, cohort, placed, projections, blocks)
    metrics, comparisons = score_models(recipe, cohort, predictions)
    curves = compare_curved(recipe, cohort, predictions)
    return {
        "recipe": recipe, "cohort": cohort, "folds": placed, "summary": summary,
        "dimensions": dimensions, "predictions": predictions, "metrics": metrics,
        "comparisons": comparisons, "curves": curves,
    }  # fmt: skip


@pytest.fixture(scope="module")
def repeated():
    return run(FOLDS)


def test_everybody_is_tested_once_per_repeat(repeated):
    folds, cohort = repeated["folds"], repeated["cohort"]
    assert list(folds.columns) == ["fold", "fold_2"]
    assert sorted(folds["fold"].unique()) == [0, 1, 2]
    assert sorted(folds["fold_2"].unique()) == [3, 4, 5]
    for column in folds:
        assert folds[column].groupby(cohort["family_id"]).nunique().max() == 1
    for _, frame in repeated["predictions"].groupby(["model", "variant", "repeat"]):
        assert sorted(frame.index) == sorted(cohort.index)
    tested = repeated["predictions"].reset_index().drop_duplicates(["subject_id", "fold"])
    wide = tested.pivot_table(index="subject_id", columns="repeat", values="fold")
    np.testing.assert_array_equal(wide.to_numpy(), folds.loc[wide.index].to_numpy())
    assert sorted(repeated["dimensions"]["fold"].unique()) == list(range(6))
    assert (repeated["metrics"]["n"] == len(cohort)).all()


def test_first_repeat_is_that_of_a_run_without(repeated):
    once = run({**FOLDS, "n_repeats": 1})
    pd.testing.assert_series_equal(once["folds"]["fold"], repeated["folds"]["fold"])
    first = repeated["predictions"].query("repeat == 0")
    pd.testing.assert_frame_equal(once["predictions"], first)
    assert once["summary"]["hash"] != repeated["summary"]["hash"]
    assert once["summary"]["n_folds"] == repeated["summary"]["n_folds"] == 3
    assert len(repeated["summary"]["test_sizes"]) == 6


def test_scores_are_means_over_folds_and_tests_have_k_minus_one_df(repeated):
    recipe, predictions = repeated["recipe"], repeated["predictions"]
    parts = {
        m: predictions[(predictions["model"] == m) & (predictions["variant"] == "adjusted")]
        for m in ("fusion + covariates", "covariates")
    }
    aucs = {
        m: np.array(
            [
                [cv_auc(f["outcome"], f["score"], np.zeros(len(f))).auc
                 for _, f in one.groupby("fold")]
                for _, one in frame.groupby("repeat")
            ]
        )
        for m, frame in parts.items()
    }  # fmt: skip
    for m, frame in parts.items():
        np.testing.assert_allclose(fold_scores(recipe, frame), aucs[m])
    row = repeated["comparisons"].query(
        "model == 'fusion + covariates' and reference == 'covariates'"
    )
    expected = corrected_resampled_t(
        aucs["fusion + covariates"] - aucs["covariates"], alternative="greater"
    )
    assert row["p_raw"].item() == pytest.approx(expected.p_value)
    assert row["df"].item() == 2
    found = repeated["metrics"].query(
        "model == 'fusion + covariates' and variant == 'adjusted' and metric == 'auroc'"
    )
    assert found["value"].item() == pytest.approx(aucs["fusion + covariates"].mean())
    assert found["ci_low"].item() < found["value"].item() < found["ci_high"].item()
    assert found["method"].item().endswith("mean of 2 repeats")
    assert repeated["curves"]["change_ci_low"].notna().all()


def test_families_left_out_together():
    folds = {"scheme": "leave_groups_out", "groups_out": 12, "group": "family_id"}
    found = run(folds)
    families = found["cohort"]["family_id"]
    sizes = families.groupby(found["folds"]["fold"]).nunique()
    assert len(sizes) == -(-families.nunique() // 12)
    assert sizes.max() <= 12
    assert sizes.max() - sizes.min() <= 1
    assert found["summary"]["groups_out"] == 12
    assert found["comparisons"]["df"].eq(len(sizes) - 1).all()
