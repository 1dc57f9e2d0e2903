"""A diagnosis of several classes through folds, prediction, audit, figures and result card."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.checks import audit_run
from neurogenomics_kb.pipelines.integration.analyses.prediction import predict
from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import (
    PROBABILITY,
    class_codes,
    refuse_rare_classes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.figures import (
    draw_curves,
    draw_performance,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.present import (
    _add,
    present_prediction,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.score import score_models
from neurogenomics_kb.registry.cards import Column
from neurogenomics_kb.registry.recipe import check_recipe
from tests.pipelines.conftest import make_cohort, make_recipe
from tests.pipelines.test_integration import run_all

FOLDS = {"scheme": "stratified_grouped", "group": "family_id"}
CLASSES = ["adhd", "autism", "typical"]


def classes_recipe(levels=None, **experiment):
    """Recipe of the toy cohort with a diagnosis of several classes."""
    settings = {
        "analyses": ["prediction"],
        "algorithms": ["linear"],
        "associations": [],
        "outcome": "group",
        **experiment,
    }
    recipe = make_recipe(**settings)
    columns = recipe.dataset.tables["participants"].columns
    columns["group"] = Column(name="group", type="category", levels=levels or {})
    return recipe


def three_groups(seed: int, n: int = 240, signal: float = 1.0):
    """Toy cohort whose classes are thirds of the liability that genes and brain share."""
    participants, features, quality = make_cohort(n, seed, signal)
    third = np.searchsorted(np.quantile(participants["score"], [1 / 3, 2 / 3]), participants.score)
    participants["group"] = np.array(CLASSES, dtype=object)[third]
    return participants, features, quality


@pytest.fixture(scope="module")
def several():
    recipe = classes_recipe(analyses=["cca", "prediction"], algorithms=["linear", "xgboost"])
    return recipe, run_all(recipe, three_groups(0))


def test_planted_signal_is_found_by_both_algorithms(several):
    _, found = several
    macro = found["metrics"].query("metric == 'macro_auroc' and variant == 'adjusted'")
    table = macro.set_index(["model", "algorithm"])
    for algorithm in ("linear", "xgboost"):
        row = table.loc[("fusion", algorithm)]
        assert row["value"] > 0.65
        assert row["ci_low"] > 0.55
    against = found["comparisons"].query("model == 'fusion + covariates' and algorithm == 'linear'")
    row = against.set_index("reference").loc["covariates"]
    assert row["metric"] == "macro_auroc"
    assert row["difference"] > 0.05
    assert row["p_raw"] < 0.05


def test_probabilities_are_stored_per_class_and_metrics_follow_from_them(several):
    _, found = several
    predictions = found["predictions"]
    columns = [c for c in predictions if c.startswith(PROBABILITY)]
    assert columns == [PROBABILITY + c for c in CLASSES]
    assert not {"score", "training_mean"} & set(predictions)
    np.testing.assert_allclose(predictions[columns].sum(axis=1), 1, atol=1e-12)
    truth = three_groups(0)[0]["group"].reindex(predictions.index)
    assert (predictions["outcome"] == truth).all()
    metrics = (
        found["metrics"]
        .set_index(["model", "variant", "algorithm", "metric", "level"])["value"]
        .sort_index()
    )
    fusion = metrics.loc[("fusion", "adjusted", "linear")]
    assert fusion["macro_auroc", ""] == pytest.approx(fusion["auroc"][CLASSES].mean())
    assert fusion["prevalence", "autism"] == pytest.approx((truth == "autism").mean(), abs=0.01)
    assert fusion["balanced_accuracy", ""] > 1 / 3
    assert fusion["brier", ""] < fusion["brier_of_prevalence", ""]


def test_canonical_correlations_do_not_ask_for_the_outcome(several):
    _, found = several
    same = run_all(make_recipe(analyses=["cca"]), three_groups(0))
    assert found["cca"]["correlation"].tolist() == pytest.approx(same["cca"]["correlation"])


def test_without_signal_intervals_cover_chance():
    """Labels permuted over people, 95 % intervals."""
    participants, features, quality = three_groups(3, n=150)
    recipe = classes_recipe(folds={**FOLDS, "n_splits": 3})
    recipe = recipe.model_copy(update={"blocks": {"brain": recipe.blocks["brain"]}})
    covered, values = 0, []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        shuffled = participants.assign(group=rng.permutation(participants["group"]))
        metrics = run_all(recipe, (shuffled, features, quality))["metrics"]
        own = metrics.query("model == 'brain' and variant == 'adjusted'").set_index("metric")
        row = own.loc["macro_auroc"]
        covered += row["ci_low"] <= 0.5 <= row["ci_high"]
        values.append(row["value"])
    assert np.mean(values) == pytest.approx(0.5, abs=0.03)
    assert covered >= 12  # 14 are expected; fewer than 12 has probability 0.006


def test_later_enrolments_of_several_classes():
    recipe = classes_recipe(
        exchangeability=None,
        folds={"scheme": "temporal", "column": "year", "cut": 2020, "group": "family_id"},
    )
    recipe.dataset.tables["participants"].columns["year"] = Column(name="year")
    participants, features, quality = three_groups(4)
    participants["year"] = 2018.0 + pd.factorize(participants["family_id"])[0] % 4
    found = run_all(recipe, (participants, features, quality))
    assert set(found["predictions"]["fold"]) == {0}
    assert found["comparisons"]["p_raw"].between(0, 1).all()
    macro = found["metrics"].query("metric == 'macro_auroc'")
    assert (macro["ci_low"] < macro["value"]).all()
    assert found["metrics"].query("metric == 'brier'")["ci_low"].isna().all()


def test_figures_findings_and_metrics_of_several_classes(several):
    recipe, found = several
    drawn = draw_curves(recipe, found["predictions"])
    titles = [a.get_title(loc="left") for a in drawn.axes]
    assert titles[0] == "ROC, mean of classes and folds"
    assert "fusion + covariates" in titles[1]
    drawn = draw_performance(recipe, found["metrics"])
    assert "mean of classes" in drawn.axes[0].get_xlabel()
    part = present_prediction(recipe, found["metrics"], found["comparisons"], found["curves"])
    assert "one class against the rest, mean of classes, linear" in " ".join(part.findings)
    assert {"macro_auroc/linear/fusion", "auroc/autism/linear/gene/unadjusted"} <= set(part.metrics)
    tables = {item.name: item for item in part.sections[0].items if item.kind == "table"}
    assert [c.text[:4] for c in tables["metrics by class"].head[3:]] == ["adhd", "auti", "typi"]
    cells = tables["metrics by class"].rows[0].cells
    own = found["metrics"].query("metric == 'auroc' and level == 'adhd'").iloc[0]
    assert cells[3].text.startswith(f"{own['value']:.3f} [{own['ci_low']:.2f}")
    assert "no form for an outcome of several classes" in found["decision"]["says"]


def test_audit_decodes_classes_and_leaves_out_cases_against_controls(several):
    recipe, found = several
    recipe = recipe.model_copy(deep=True)
    columns = recipe.dataset.tables["participants"].columns
    columns["site"] = columns["site"].model_copy(update={"role": "site"})
    table = audit_run(
        recipe, found["cohort"], found["blocks"], found["folds"]["fold"], found["projections"],
        found["metrics"], pd.DataFrame(), pd.DataFrame(),
    )  # fmt: skip
    own = table[(table["check"] == "outcome, labels swapped") & (table["block"] == "gene")]
    freely = own.set_index(["scheme", "detail"]).loc[("freely", "confounds regressed out")]
    assert freely["value"] > 0.6
    assert freely["p_raw"] < 0.05
    by_site = table[table["check"] == "batch by outcome"]
    assert by_site["target"].tolist() == ["site"]
    assert not table["check"].isin(["share of outcome classes", "unit alone"]).any()
    models = table[table["check"] == "model"].set_index("block")["value"]
    macro = found["metrics"].query("metric == 'macro_auroc' and variant == 'adjusted'")
    wanted = macro[macro["algorithm"] == "linear"].set_index("model")["value"]
    assert models["fusion"] == pytest.approx(wanted["fusion"])


def test_shares_of_small_classes_are_not_given(several):
    recipe, found = several
    predictions = found["predictions"].query("model == 'gene' and algorithm == 'linear'").copy()
    adhd = predictions.query("variant == 'adjusted' and outcome == 'adhd'")
    kept = adhd.groupby("fold").head(2).index  # 8 of them
    predictions = predictions.drop(adhd.index.difference(kept))
    metrics, _ = score_models(recipe, found["cohort"], predictions)
    assert not {"prevalence", "brier_of_prevalence"} & set(metrics["metric"])
    assert {("auroc", "adhd"), ("macro_auroc", "")} <= set(
        zip(metrics["metric"], metrics["level"], strict=True)
    )


@pytest.mark.parametrize("analysis", ["logo", "partial_correlations", "dimension_search"])
def test_analyses_without_a_form_for_classes_are_refused(analysis):
    recipe = classes_recipe(analyses=["cca", "prediction", analysis])
    with pytest.raises(InputError, match=f"{analysis} cannot be done for outcome 'group', which"):
        check_recipe(recipe)
    check_recipe(classes_recipe(analyses=["cca", "prediction", "audit"]))


def test_associations_of_categories_are_refused():
    recipe = make_recipe(analyses=["cca", "partial_correlations"], associations=["site"])
    with pytest.raises(InputError, match=r"association 'site' is category\. .*leave partial"):
        check_recipe(recipe)


def test_two_classes_are_to_be_declared_binary():
    remedy = r"2 classes \(case, control\)\. Declare it binary: .*{case: 0, control: 1}"
    levels = {"1": "case", "2": "control"}
    with pytest.raises(InputError, match=remedy):
        check_recipe(classes_recipe(levels=levels))
    # Without levels on the card the classes are known from the table.
    participants, features, quality = three_groups(0)
    participants["group"] = np.where(participants["diagnosis"] == 1, "case", "control")
    check_recipe(classes_recipe())
    with pytest.raises(InputError, match=remedy):
        run_all(classes_recipe(), (participants, features, quality))


def rare(n_rare: int, families: bool = True):
    """Toy cohort with a third class of few subjects, relatives among them or not."""
    participants, features, quality = three_groups(0)
    free = participants.index[participants["family_id"].duplicated(keep=False) == (not families)]
    group = pd.Series("typical", participants.index, dtype=object)
    group[participants["diagnosis"] == 1] = "autism"
    group[free[:n_rare]] = "adhd"
    return participants.assign(group=group), features, quality


def test_a_class_of_fewer_subjects_than_folds_is_refused():
    with pytest.raises(InputError, match="class adhd has 3 subjects for 4 folds"):
        run_all(classes_recipe(), rare(3))


def test_a_class_too_rare_for_intervals_is_refused_before_anything_is_fitted(monkeypatch):
    monkeypatch.setattr(predict, "fit", lambda *a: pytest.fail("a model was fitted"))
    message = r"of class adhd, too few for a variance \(6 of 240 subjects\).*merge the class"
    with pytest.raises(InputError, match=message):
        run_all(classes_recipe(), rare(6))


def test_a_class_too_rare_for_inner_folds_is_refused():
    y, names = class_codes(pd.Series(["adhd", "autism", "typical"] * 8))
    folds = np.arange(24) // 12
    whole = np.arange(12)
    inner = [[(whole[whole % 3 != 0], whole)], [(whole, whole)]]
    with pytest.raises(InputError, match="class adhd is too rare in training fold 0 for its inner"):
        refuse_rare_classes(y, names, folds, inner, None, "group")
    refuse_rare_classes(y, names, folds, [inner[1], inner[1]], None, "group")


def test_names_of_classes_are_made_fit_for_tracking():
    """MLflow refuses most signs; two classes that differ in these alone keep names of their own."""
    out = {}
    _add(out, ["auroc", "ADHD (combined)", "linear", "a + covariates"], 0.1)
    _add(out, ["auroc", "ADHD [combined]", "linear", "a + covariates"], 0.2)
    assert list(out.values()) == [0.1, 0.2]
    assert all(re.fullmatch(r"[\w\-. /]+", name) for name in out)
