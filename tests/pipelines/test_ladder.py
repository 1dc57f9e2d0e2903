"""The ladder on drawn cohorts: what is chosen, what is left out, who may be learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from neurogenomics_kb.calibration.ladder import run_ladder
from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.ladder import climb
from neurogenomics_kb.pipelines.integration.analyses.ladder.present import present_ladder
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Experiment
from neurogenomics_kb.registry.cards.rungs import RUNGS, RungOptions
from neurogenomics_kb.registry.rungs import rungs_of
from neurogenomics_kb.simulate import ladder as drawn
from tests.extending.toys import watching_rung
from tests.pipelines.conftest import make_recipe

STACK = {"type": "stacking", "bases": ["linear", "knn"]}
JOINT = {**STACK, "concatenation": True}


@pytest.fixture(scope="module")
def absolute():
    cohort = drawn.one_linear_one_absolute(n=400, p=4, effect=2.5, seed=0)
    return run_ladder(cohort, {"stack": STACK}, n_splits=4)


@pytest.fixture(scope="module")
def added():
    return run_ladder(drawn.additive(n=300, p=4, seed=1), {"stack": STACK}, n_splits=4)


@pytest.fixture
def watched(monkeypatch):
    """A rung that tells whom it saw."""
    place = "tests.extending.toys.watching_rung:build"
    monkeypatch.setitem(RUNGS, "watching", Part(watching_rung.WatchingOptions, place))
    watching_rung.SEEN.clear()
    return watching_rung.SEEN


def test_a_rung_that_gains_is_used_and_the_sentence_says_why(absolute):
    decision, choice = absolute["decision"], absolute["ladder_choice"].iloc[0]
    assert decision["escalate"]
    assert (decision["next_stage"], decision["rung"]) == ("stacking", "stack")
    assert decision["says"].startswith("Use stack: inner folds chose it in ")
    assert f"{choice['difference']:+.3f} AUROC" in decision["says"]
    assert choice["difference"] > 0.05
    assert 0 < choice["p_raw"] < 0.05
    assert decision["next"].startswith("Confirm stack on people whom this run did not see")


def test_what_inner_folds_chose_is_scored_and_nothing_else(absolute):
    """The row of the choice is made of the predictions of the rung that each fold chose."""
    frame = absolute["ladder_predictions"]
    chosen, rungs = frame[frame["role"] == climb.PICKED], absolute["ladder_rungs"]
    counts = rungs.set_index("rung")["chosen"]
    assert counts[[climb.LATE, "stack"]].sum() == 4
    for _, own in chosen.groupby("fold"):
        same = [
            name
            for name in (climb.LATE, "stack")
            if (frame[frame["rung"] == name].loc[own.index, "score"] == own["score"]).all()
        ]
        assert same
    reached = rungs.set_index("rung")["value"]
    if counts["stack"] == 4:
        assert reached[climb.CHOSEN] == reached["stack"]


def test_a_rung_that_gains_nothing_leaves_late_fusion(added):
    decision = added["decision"]
    assert not decision["escalate"]
    assert decision["next_stage"] == "late_fusion"
    assert decision["says"].startswith("Stay at late fusion: ")
    assert "would have been seen in 80 of 100 such cohorts" in decision["says"]
    assert decision["smallest_seen"] > 0


def test_every_second_level_is_told_beside(absolute):
    rungs = absolute["ladder_rungs"].set_index("rung")
    beside = rungs[rungs["role"] == climb.BESIDE]
    assert set(beside.index) == {"stack: mean", "stack: best", "stack: caruana"}
    assert (beside["chosen"] == 0).all()
    ranks = absolute["ladder_ranks"]
    assert ranks.groupby("block").size().to_dict() == {"gene": 4, "brain": 4}
    # The outcome knows one column of the brain block, by its absolute value.
    brain = ranks[ranks["block"] == "brain"]
    assert brain.loc[brain["rank_product"].idxmin(), "column"] == "1"


def test_the_report_tells_every_number(absolute):
    tables = [absolute[f"ladder_{n}"] for n in ("rungs", "comparisons", "choice", "ranks",
                                                "retrieval")]  # fmt: skip
    part = present_ladder(absolute["recipe"], *tables)
    names = {item.name for s in part.sections for item in s.items if item.kind == "table"}
    assert {"ladder, choice", "ladder, rungs", "ladder, comparisons", "ladder, ranks"} == names
    assert any("stack" in line and "late fusion" in line for line in part.findings)
    assert part.metrics["ladder/choice/difference"] == pytest.approx(
        absolute["ladder_choice"]["difference"].iloc[0]
    )


def test_what_cannot_be_fitted_is_named_and_the_others_go_on(watched):
    cohort = drawn.additive(n=200, p=4, seed=0)
    rungs = {"broken": {"type": "watching", "fails_in": 1}, "stack": STACK}
    found = run_ladder(cohort, rungs, n_splits=3)
    table = found["ladder_rungs"].set_index("rung")
    assert "cannot be fitted here" in table.loc["broken", "reason"]
    assert np.isnan(table.loc["broken", "value"])
    assert table.loc["stack", "value"] > 0.6
    assert "broken" not in set(found["ladder_predictions"]["rung"])
    names = ("rungs", "comparisons", "choice", "ranks", "retrieval")
    part = present_ladder(found["recipe"], *(found[f"ladder_{n}"] for n in names))
    assert "'broken' was not among the candidates" in part.cautions[0]


def test_a_learner_without_weights_leaves_its_ensemble_out(monkeypatch):
    monkeypatch.delenv("NGKB_TABICL", raising=False)
    cohort = drawn.additive(n=120, p=4, seed=0)
    rungs = {"pretrained": {"type": "stacking", "bases": ["linear", "tabicl"]},
             "kernel": {"type": "predictor", "predictor": "product_kernel"}}  # fmt: skip
    found = run_ladder(cohort, rungs, n_splits=3)
    table = found["ladder_rungs"].set_index("rung")
    assert "NGKB_TABICL" in table.loc["pretrained", "reason"]
    assert table.loc["kernel", "value"] > 0.5
    assert set(found["ladder_choice"]["rung"]) <= {climb.LATE, "kernel"}


def test_nobody_learns_from_relatives_of_those_who_are_tested(watched):
    """Outer and inner folds alike, people without an outcome included."""
    cohort = drawn.shared_latent(seed=1, paired=360, labelled=120, p=12)
    kin = np.random.default_rng(0).choice(cohort.groups, len(cohort.unlabelled_groups))
    own = cohort.unlabelled_groups
    half = np.where(np.arange(len(own)) % 2, own, kin)  # half of them are relatives
    cohort = type(cohort)(**{**vars(cohort), "unlabelled_groups": half})
    found = run_ladder(cohort, {"watching": {"type": "watching"}}, n_splits=3)
    assert found["ladder_choice"]["n_unlabelled"].iloc[0] > 0
    assert len(watched) == 3 + 9
    for seen in watched:
        tested = set(seen["predicted"])
        assert tested
        assert not tested & set(seen["trained"])
        assert not tested & set(seen["unlabelled"])
        assert len(seen["unlabelled"])


def test_outcomes_of_test_people_change_nothing_that_is_predicted_for_them():
    cohort = drawn.additive(n=240, p=4, seed=0)
    first = run_ladder(cohort, {"stack": STACK}, n_splits=3)
    test = first["folds"].iloc[:, 0].to_numpy() == 0
    rows = first["cohort"].index.get_indexer(cohort.blocks["gene"].index)
    y = cohort.y.copy()
    positions = np.flatnonzero(test[rows])
    swapped = np.random.default_rng(0).permutation(positions)
    y[positions] = y[swapped]  # as many of each class, so that the folds may stay
    other = type(cohort)(**{**vars(cohort), "y": y})
    second = run_ladder(other, {"stack": STACK}, n_splits=3, folds=first["folds"])
    for role in (climb.CANDIDATE, climb.PICKED):
        tables = [found["ladder_predictions"] for found in (first, second)]
        a, b = (t[(t["role"] == role) & (t["fold"] == 0)] for t in tables)
        pd.testing.assert_series_equal(a["score"], b["score"])


def test_people_without_a_block_stay_at_the_training_mean():
    cohort = drawn.structured_missingness(n=300, tokens=4, components=1, seed=0)
    found = run_ladder(cohort, {"stack": STACK}, n_splits=3, incomplete="mask")
    assert len(found["cohort"]) == 300
    assert found["ladder_choice"]["n"].iloc[0] == 300
    dropped = run_ladder(cohort, {"stack": STACK}, n_splits=3)
    lacking = sum((~has).sum() for has in cohort.present.values())
    assert len(dropped["cohort"]) == 300 - lacking
    with pytest.raises(ValidationError, match="only `prediction` and `ladder`"):
        make_recipe(analyses=["cca"], incomplete="mask")


def test_a_small_number_of_people_is_not_told(watched):
    cohort = drawn.shared_latent(seed=0, paired=128, labelled=120, p=12)
    found = run_ladder(cohort, {"watching": {"type": "watching"}}, n_splits=3)
    assert np.isnan(found["ladder_choice"]["n_unlabelled"].iloc[0])
    found = run_ladder(cohort, {"stack": STACK}, n_splits=3)
    assert found["ladder_choice"]["n_unlabelled"].iloc[0] == 0  # no rung reads them


def test_settings_that_cannot_be_meant_are_refused(tmp_path):
    base = make_recipe().experiment.model_dump(mode="json")
    for change, words in (
        ({"analyses": ["ladder"]}, "needs cards under `ladder:`"),
        ({"ladder": ["x"]}, "they need it"),
    ):
        with pytest.raises(ValidationError, match=words):
            Experiment.model_validate({**base, "associations": [], **change})
    (tmp_path / "integration_cards").mkdir()
    place = tmp_path / "integration_cards" / "alignment_strategies.yaml"
    place.write_text(
        "one: {stage: stacking, objective: a, inputs: [absent_v1], "
        "rung: {type: stacking, bases: [linear, xgboost]}}\n"
        "bridge: {stage: language_bridge, objective: a, bridge: {encoder: words, texts: [t]}}\n"
        "later: {stage: stacking, objective: a, status: planned, reason: soon}\n"
    )
    registry = Registry(tmp_path)
    ready = Experiment.model_validate(
        {**base, "analyses": ["ladder"], "associations": [], "ladder": ["one"]}
    )
    with pytest.raises(InputError, match="written for absent_v1, which is no block here"):
        rungs_of(ready, registry)
    for name, words in (("bridge", "is no rung of the ladder"), ("later", "planned")):
        with pytest.raises(InputError, match=words):
            rungs_of(ready.model_copy(update={"ladder": [name]}), registry)


def test_unknown_rungs_and_options_are_refused():
    with pytest.raises(InputError, match="there is no rung 'stackin', did you mean 'stacking'"):
        RUNGS.validate({"type": "stackin"})
    for options, words in (
        ({"type": "stacking", "bases": ["linear"]}, "at least 2"),
        ({"type": "stacking", "bases": ["linear", "linear"]}, "stands twice"),
        ({"type": "hub_tokens", "initialisations": 2}, "greater than or equal to 5"),
        ({"type": "hub_tokens", "width": 33}, "do not divide"),
        ({"type": "two_towers", "epoch": 3}, "epoch"),
    ):
        with pytest.raises(ValidationError, match=words):
            RUNGS.validate(options)
    assert issubclass(watching_rung.WatchingOptions, RungOptions)


def test_who_lacks_which_block_is_told_beside_and_must_be_beaten():
    """Missingness follows the outcome and the blocks hold nothing: no rung is used for it."""
    cohort = drawn.structured_missingness(n=400, tokens=4, components=1, seed=0)
    found = run_ladder(cohort, {"stack": STACK}, n_splits=4, incomplete="mask")
    rungs = found["ladder_rungs"].set_index("rung")
    assert rungs.loc[climb.MASKS, "role"] == climb.CONTROL
    assert rungs.loc[climb.MASKS, "value"] > 0.55
    assert found["ladder_choice"]["p_masks"].iloc[0] > 0.05
    assert not found["decision"]["escalate"]
    whole = run_ladder(drawn.additive(n=120, p=4, seed=0), {"stack": STACK}, n_splits=3)
    assert climb.MASKS not in set(whole["ladder_rungs"]["rung"])
    assert np.isnan(whole["ladder_choice"]["p_masks"].iloc[0])


def test_a_score_is_regressed_and_compared_by_r2():
    cohort = drawn.additive(n=200, p=6, seed=0)
    rng = np.random.default_rng(0)
    gene, brain = (t.to_numpy() for t in cohort.blocks.values())
    score = np.abs(gene[:, 0]) * 2 + brain[:, 0] + 0.5 * rng.normal(size=200)
    cohort = type(cohort)(**{**vars(cohort), "y": score})

    def regressed(recipe):
        people = recipe.dataset.tables["people"]
        columns = {**people.columns, "ill": people.columns["ill"].model_copy(
            update={"type": "number"})}  # fmt: skip
        tables = {"people": people.model_copy(update={"columns": columns})}
        return recipe.model_copy(
            update={"dataset": recipe.dataset.model_copy(update={"tables": tables})}
        )

    rungs = {"stack": {"type": "stacking", "bases": ["linear", "xgboost"]},
             "kernel": {"type": "predictor", "predictor": "product_kernel"},
             "pooled": {"type": "pooled_tokens"},
             "towers": {"type": "two_towers", "dim": 2, "epochs": 2}}  # fmt: skip
    found = run_ladder(cohort, rungs, n_splits=3, changed=regressed)
    table = found["ladder_rungs"].set_index("rung")
    assert set(table["metric"]) == {"r2"}
    assert (table["reason"] == "").all()
    assert table.loc["stack", "value"] > table.loc[climb.LATE, "value"] + 0.1
    assert found["decision"]["says"].startswith("Use stack")
    assert " R² " in found["decision"]["says"]
