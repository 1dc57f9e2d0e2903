"""The analyses on a toy cohort with one planted axis."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, false_discovery_control
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.cca.inference import OVER_FEATURES
from neurogenomics_kb.pipelines.integration.analyses.cca.nodes import (
    hold_out_canonical_correlations,
    infer_canonical_correlations,
)
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import axes_of_rows
from neurogenomics_kb.pipelines.integration.analyses.ladder import tables as ladder_tables
from neurogenomics_kb.pipelines.integration.analyses.logo.nodes import attribute_block
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.nodes import (
    associate_axes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.nodes import (
    compare_curved,
    predict_outcome,
    score_models,
)
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.cards import HarmonizationMethod
from neurogenomics_kb.stats.prediction.folds import fold_splits
from tests.pipelines.conftest import make_cohort, make_recipe


def run_all(recipe, cohort_tables) -> dict:
    """Every node of the pipeline, in order."""
    participants, features, quality = cohort_tables
    R = recipe
    tables = [t for m in nodes.MODALITIES for t in (features[m], quality[m])]
    out = {}
    out["cohort"], out["blocks"], out["flow"], out["notes"] = nodes.assemble_cohort(
        R, participants, *tables
    )
    out["folds"], out["summary"] = nodes.split_folds(R, out["cohort"])
    out["projections"], out["dimensions"] = nodes.project_blocks(
        R, out["cohort"], out["blocks"], out["folds"]
    )
    out["cca"], out["null"], out["loadings"], out["axes"] = infer_canonical_correlations(
        R, out["cohort"], out["blocks"], out["folds"]
    )
    out["held_out"], out["scores"], out["direction"] = hold_out_canonical_correlations(
        R, out["cohort"], out["folds"], out["axes"], out["projections"], out["blocks"]
    )
    out["predictions"] = predict_outcome(
        R, out["cohort"], out["folds"], out["projections"], out["blocks"]
    )
    out["metrics"], out["comparisons"] = score_models(R, out["cohort"], out["predictions"])
    out["curves"] = compare_curved(R, out["cohort"], out["predictions"])
    out["attribution"], out["attribution_notes"] = attribute_block(
        R, out["cohort"], out["blocks"], out["folds"]
    )
    out["associations"] = associate_axes(R, out["cohort"], out["scores"])
    out["decision"] = nodes.decide_escalation(
        R, out["cohort"], ladder_tables.RUNGS.empty(), ladder_tables.CHOICE.empty()
    )
    return out


@pytest.fixture(scope="module")
def results(recipe, toy):
    return run_all(recipe, toy)


@pytest.fixture(scope="module")
def continuous_results(toy):
    recipe = make_recipe(outcome="score", associations=["diagnosis"], algorithms=["linear"])
    return run_all(recipe, toy)


def test_planted_axis_is_found_in_and_out_of_sample(results):
    cca = results["cca"].set_index("component")
    assert cca.loc[1, "p_adjusted"] == 1 / 991  # ten times the permutations, and none reached it
    assert cca.loc[1, ["n_permutations", "n_permutations_held_out"]].tolist() == [990, 990]
    for name in ("p_raw", "p_adjusted", "p_held_out_adjusted"):
        assert (cca[f"{name}_low"] <= cca[name]).all()
        assert (cca[f"{name}_high"] >= cca[name]).all()
    assert cca.loc[2, "p_adjusted"] > 0.05
    assert (cca["n_effective"] < cca["n"]).all()
    held_out = results["held_out"].groupby("component")["held_out"].mean()
    assert held_out[1] > 0.3
    assert held_out[1] < cca.loc[1, "correlation"]
    top = results["loadings"].query("component == 1 and block == 'brain'")
    strongest = top.reindex(top["loading"].abs().sort_values(ascending=False).index)["unit"][:3]
    assert set(strongest) == {"R0", "R1", "R2"}
    # The same three regions, and no other, pass family-wise and are chosen in every half.
    assert set(top.loc[top["p_adjusted"] <= 0.05, "unit"]) == {"R0", "R1", "R2"}
    assert (top["p_raw"] <= top["p_adjusted"]).all()
    chosen = top.set_index("unit")["selection"]
    assert chosen[["R0", "R1"]].min() > chosen.drop(["R0", "R1", "R2"]).max()
    carrying = top[top["unit"].isin(["R0", "R1", "R2"])]
    assert (np.sign(carrying["cross_loading"]) == np.sign(carrying["loading"])).all()
    assert (carrying["cross_loading"].abs() < carrying["loading"].abs()).all()
    assert set(top["adjustment"]) == {OVER_FEATURES}


def test_no_axis_without_signal(recipe):
    found = run_all(make_recipe(analyses=["cca"], n_permutations=199), make_cohort(240, 5, 0.0))
    assert found["cca"]["p_adjusted"].min() > 0.05
    assert abs(found["held_out"].query("component == 1")["held_out"].mean()) < 0.3


def test_recipe_equals_its_steps_written_out(recipe, toy, results):
    """The card's steps, done by hand on training subjects of fold 0."""
    cohort, features = results["cohort"], results["blocks"]["brain"]
    train, _ = next(fold_splits(results["folds"]["fold"]))
    scaler = StandardScaler().fit(features.iloc[train])
    z = scaler.transform(features)
    income = cohort["income"].fillna(cohort["income"].iloc[train].median())
    design = np.column_stack(
        [
            cohort["age"],
            pd.get_dummies(cohort["sex"], drop_first=True),
            pd.get_dummies(cohort["site"], drop_first=True),
            income,
            cohort["income"].isna(),
        ]
    ).astype(float)
    fitted = LinearRegression().fit(design[train], z[train])
    residuals = z - fitted.predict(design)
    pca = PCA(whiten=True).fit(residuals[train])
    expected = pca.transform(residuals)
    got = results["projections"]["brain-adjusted-0"].to_numpy()
    np.testing.assert_allclose(np.abs(got), np.abs(expected[:, : got.shape[1]]), atol=1e-8)


def test_test_subjects_never_influence_the_recipe(recipe, results):
    cohort, features = results["cohort"], results["blocks"]["gene"]
    covariates = cohort[["age", "sex", "site", "income"]]
    train, test = next(fold_splits(results["folds"]["fold"]))
    table = pd.concat([features, covariates], axis=1)
    spoilt = table.copy()
    spoilt.iloc[test, : features.shape[1]] = 1e6
    spoilt.iloc[test, spoilt.columns.get_loc("age")] = 1e3
    fits = [
        build_transformer(recipe, "gene", covariates.columns).fit(t.iloc[train])
        for t in (table, spoilt)
    ]
    kept = [f.transform(table.iloc[train]) for f in fits]
    pd.testing.assert_frame_equal(*kept)


def test_harmonization_goes_before_the_first_z_score(recipe):
    combat = HarmonizationMethod(
        id="combat", method="combat", modalities=["smri"], preserve=["age", "sex"]
    )
    changed = recipe.model_copy(update={"harmonization": combat})
    names = [n for n, _ in build_transformer(changed, "brain", ["age", "sex", "site"]).steps]
    assert names.index("harmonize") == names.index("1_zscore") - 1
    untouched = [n for n, _ in build_transformer(changed, "gene", ["age", "sex", "site"]).steps]
    assert "harmonize" not in untouched


def test_every_model_is_tested_on_every_subject_once(results):
    predictions = results["predictions"]
    for _, frame in predictions.groupby(["model", "variant", "algorithm"]):
        assert sorted(frame.index) == sorted(results["cohort"].index)
    variants = predictions.groupby("model")["variant"].unique().map(set)
    assert variants["gene"] == {"adjusted", "unadjusted"}
    assert variants["covariates"] == {"adjusted", "curved"}
    assert variants["fusion + covariates"] == {"adjusted", "curved"}
    assert variants["gene + covariates"] == {"adjusted"}
    assert set(predictions["repeat"]) == {0}


def test_curves_stand_beside_what_all_blocks_add(results, continuous_results):
    for found, algorithm in ((results, "linear"), (continuous_results, "linear")):
        [row] = found["curves"].to_dict("records")
        plain = found["comparisons"].query(
            "model == 'fusion + covariates' and reference == 'covariates' "
            f"and algorithm == '{algorithm}'"
        )
        for name in ("difference", "ci_low", "ci_high", "p_raw"):
            assert row[name] == plain[name].item()
        assert row["change"] == pytest.approx(row["curved_difference"] - row["difference"])
        assert row["change_ci_low"] < row["change"] < row["change_ci_high"]
        assert row["curved_ci_low"] < row["curved_difference"] < row["curved_ci_high"]
        assert 0 < row["p_change"] < 1
        assert "age^2" in row["curves"]
        assert "age*sex=" in row["curves"]
        # A true signal that is no curve of a confound stays.
        assert row["curved_difference"] > 0.5 * row["difference"] > 0
    variants = results["metrics"].groupby("variant")["model"].unique().map(set)
    assert variants["curved"] == {"covariates", "fusion + covariates"}


def test_models_on_other_subjects_are_not_compared(recipe, results):
    predictions = results["predictions"].reset_index()
    moved = predictions["model"].eq("gene") & predictions["fold"].eq(0)
    predictions.loc[moved, "fold"] = 1
    with pytest.raises(InputError, match="other subjects or folds"):
        score_models(recipe, results["cohort"], predictions.set_index("subject_id"))


def test_metrics_have_intervals_and_prevalence(results):
    metrics = results["metrics"]
    fusion = metrics.query("model == 'fusion' and variant == 'adjusted' and algorithm == 'linear'")
    table = fusion.set_index("metric")
    for name in ("auroc", "auprc"):
        row = table.loc[name]
        assert row["ci_low"] < row["value"] < row["ci_high"]
    assert table.loc["prevalence", "value"] == pytest.approx(results["cohort"]["diagnosis"].mean())
    assert table.loc["auroc", "value"] > 0.65


def test_axis_scores_are_standardised_and_out_of_fold(results):
    index = results["cohort"].index
    scores, axes = (axes_of_rows(results[name], index) for name in ("scores", "axes"))
    assert scores.notna().all().all()
    assert scores.std().between(0.7, 1.4).all()
    r = np.corrcoef(scores["gene", "brain", 1, "x"], axes["gene", "brain", 1, "x"])[0, 1]
    assert r > 0.8


def test_associations_follow_the_planted_axis(results):
    table = results["associations"].set_index(["component", "block", "measure"])
    assert table.loc[(1, "gene", "odds ratio per SD"), "p_adjusted"].item() < 0.001
    assert table.loc[(2, "gene", "partial pearson"), "p_adjusted"].item() > 0.01
    described = table.xs("partial spearman", level="measure")
    assert len(described) == 4
    assert described["p_raw"].notna().all()
    assert described["p_adjusted"].isna().all()
    assert (described["adjustment"] == "none: beside Pearson's as description").all()
    claims = table.drop("partial spearman", level="measure")
    expected = false_discovery_control(claims["p_raw"])
    np.testing.assert_allclose(claims["p_adjusted"], expected)
    assert (table["df"] < table["n"] - 2).all()
    # Families are clusters of this cohort.
    assert set(table["correction"]) == {"CR2, Satterthwaite's df over clusters"}


def test_attribution_finds_the_planted_genes_and_states_its_floor(results):
    table = results["attribution"]
    assert set(table.head(2)["unit"]) == {"G0", "G1"}
    assert table["p_adjusted"].min() >= 0.01
    for name in ("p_raw", "p_adjusted"):
        hits = np.rint(table[name] * 100) - 1
        for h, low, high in zip(hits, table[f"{name}_low"], table[f"{name}_high"], strict=True):
            expected = binomtest(int(h), 99).proportion_ci(0.95, "exact")
            assert (low, high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert "cannot go below p = 0.125" in results["attribution_notes"][1]
    assert "at least 119 permutations" in results["attribution_notes"][0]
    assert set(table["level"]) == {"unit"}


def test_without_the_ladder_nothing_is_decided(results):
    assert results["decision"]["next_stage"] == "not_told"


def test_continuous_outcome_is_regressed(continuous_results):
    metrics = continuous_results["metrics"]
    assert set(metrics["metric"]) == {"r2", "mae"}
    r2 = metrics.query("metric == 'r2' and variant == 'adjusted'").set_index("model")["value"]
    assert r2["fusion + covariates"] > r2["covariates"] + 0.2
    assert continuous_results["attribution"]["metric"].unique().tolist() == ["r2"]
    assert set(continuous_results["attribution"].head(2)["unit"]) == {"G0", "G1"}


def test_three_blocks_give_three_pairs(toy):
    recipe = make_recipe(analyses=["cca"], n_permutations=19)
    blocks = {**recipe.blocks, "again": recipe.blocks["brain"]}
    found = run_all(recipe.model_copy(update={"blocks": blocks}), toy)
    assert found["cca"].drop_duplicates(["x", "y"])[["x", "y"]].to_numpy().tolist() == [
        ["gene", "brain"], ["gene", "again"], ["brain", "again"]
    ]  # fmt: skip


def test_attribution_that_cannot_show_anything_is_refused_before_it_starts(results):
    recipe = make_recipe(n_permutations=19, alpha=0.01)
    with pytest.raises(InputError, match=r"cannot go below p = 0\.05.*at least 599 permutations"):
        attribute_block(recipe, results["cohort"], results["blocks"], results["folds"])


def test_design_in_which_nothing_could_be_significant_is_refused(results):
    recipe = make_recipe(
        exchangeability="family_id",
        n_permutations=19,
        max_permutations=19,
        alpha=0.01,
    )
    with pytest.raises(InputError, match=r"allow no p-value below 0\.05"):
        infer_canonical_correlations(recipe, results["cohort"], results["blocks"], results["folds"])


def test_correlated_units_are_also_left_out_together(results):
    blocks = dict(results["blocks"])
    gene = blocks["gene"].copy()
    rng = np.random.default_rng(0)
    for column in [c for c in gene.columns if "__G1__" in c]:
        twin = column.replace("__G1__", "__G2__")
        gene[twin] = gene[column] + 0.2 * rng.normal(size=len(gene))
    blocks["gene"] = gene
    recipe = make_recipe(algorithms=["linear"])
    table, notes = attribute_block(recipe, results["cohort"], blocks, results["folds"])
    cluster = table[table["level"] == "cluster"].iloc[0]
    assert cluster["unit"] == "G1 + G2"
    alone = table.set_index("unit")["delta"]
    assert cluster["delta"] > max(alone["G1"], alone["G2"])
    assert "1 clusters of correlated units" in notes[0]
    assert (table["single_low"] <= table["single_score"]).all()
