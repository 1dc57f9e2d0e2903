"""The family of tests, the escalation rule and the report as a whole, on made-up tables."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from kedro.pipeline import Node
from scipy.stats import false_discovery_control

from neurogenomics_kb.foundation.contracts import Contract, ContractError
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses import load_analyses
from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims
from neurogenomics_kb.pipelines.integration.analyses.ladder import tables as ladder
from neurogenomics_kb.pipelines.integration.decision import decide_escalation
from neurogenomics_kb.pipelines.integration.family import (
    collect_tests,
    refuse_unknown_primary,
    wanted,
)
from neurogenomics_kb.pipelines.integration.tables import DIMENSIONS, FLOW, TESTS
from neurogenomics_kb.pipelines.reporting import sections
from neurogenomics_kb.pipelines.reporting.cautions import general_cautions
from neurogenomics_kb.pipelines.reporting.report import render_report
from neurogenomics_kb.pipelines.reporting.view import (
    ORDER,
    build_view,
    in_order,
    provenance_section,
)
from neurogenomics_kb.pipelines.view import (
    Bullets,
    Cell,
    Note,
    Part,
    Regional,
    Section,
    Statement,
    Verdict,
)
from neurogenomics_kb.registry.cards import AlignmentStrategy, DatasetCard
from neurogenomics_kb.registry.cards.primary import (
    ANALYSIS_OF,
    PrimaryAssociation,
    PrimaryComparison,
)
from neurogenomics_kb.registry.cards.strategies import NoProjector, Residualize
from tests.pipelines.conftest import make_recipe
from tests.view.tables import NAN, Numbers, rows_of

ONE = Claims(
    "integration.one",
    "canonical correlation",
    "{x} and {y}, {component}",
    p_raw="p",
    p_adjusted="q",
    adjustment="first way",
    secondary=lambda recipe, row: row["component"] == recipe.experiment.n_components,
)
TWO = Claims("integration.two", "leave one out", "{block} without {unit}", p_raw="", p_adjusted="c",
             adjustment="second way", enters="e")  # fmt: skip


def claimed():
    one = pd.DataFrame({
        "x": ["a-b", "a_b", "d", "c"], "y": "c", "component": [1, 1, 3, 2],
        "p": [NAN, 0.002, 0.012, 0.004], "q": [0.5, 0.03, 0.04, 0.05],
        "p_low": [NAN, 0.001, 0.008, 0.003], "p_high": [NAN, 0.0039, 0.019, 0.0061],
    })  # fmt: skip
    two = pd.DataFrame({"block": "gene", "unit": ["G1", "G2", "G3", "G4"],
                        "c": [0.4, 0.041, 0.6, NAN], "e": [0.4, 0.0015, 0.6, 0.0001],
                        "p": 0.9})  # fmt: skip
    return [("first", ONE, one), ("second", TWO, two)]


def family(**experiment):
    return collect_tests(make_recipe(**experiment), claimed())


def test_family_has_every_claim_with_its_own_p_values():
    table = family()
    TESTS.check(table)
    assert table["test"].tolist() == [
        "a_b and c, 1", "c and c, 2", "gene without G2", "d and c, 3", "gene without G1",
        "gene without G3",
    ]  # fmt: skip
    assert table["tier"].tolist() == ["primary", "secondary", *["exploratory"] * 4]
    assert table["analysis"].tolist() == ["first", "first", "second", "first", "second", "second"]
    kinds = ["canonical correlation", "leave one out"]
    assert table["source"].tolist() == [kinds[i] for i in (0, 0, 1, 0, 1, 1)]
    ways = ["first way", "second way"]
    assert table["adjustment"].tolist() == [ways[i] for i in (0, 0, 1, 0, 1, 1)]
    np.testing.assert_equal(table["p_raw"].to_numpy(), [0.002, 0.004, NAN, 0.012, NAN, NAN])
    np.testing.assert_equal(table["p_adjusted"].to_numpy(), [0.03, 0.05, 0.041, 0.04, 0.4, 0.6])
    np.testing.assert_equal(table["p_entered"].to_numpy(), [0.002, 0.004, 0.0015, 0.012, 0.4, 0.6])
    lows, highs = [0.001, 0.003, 0.0015, 0.008], [0.0039, 0.0061, 0.0015, 0.019]
    np.testing.assert_equal(table["p_entered_low"].to_numpy(), [*lows, 0.4, 0.6])
    np.testing.assert_equal(table["p_entered_high"].to_numpy(), [*highs, 0.4, 0.6])
    # One primary and one secondary test at the whole level; then Holm over four, three, two.
    np.testing.assert_allclose(table["p_run"], [0.002, 0.004, 0.006, 0.036, 0.8, 0.8])
    np.testing.assert_allclose(table["p_run_low"], [0.001, 0.003, 0.006, 0.024, 0.8, 0.8])
    np.testing.assert_allclose(table["p_run_high"], [0.0039, 0.0061, 0.0061, 0.057, 0.8, 0.8])
    assert table["standing"].tolist() == [
        "stands", "stands", "stands", "undecided", "does not stand", "does not stand",
    ]  # fmt: skip
    by = false_discovery_control(table["p_entered"], method="by")
    np.testing.assert_allclose(table["q_run"], by)
    assert table.index.tolist() == list(range(6))


def test_family_is_judged_at_the_level_of_the_experiment():
    assert family(alpha=0.005)["standing"].tolist() == [
        "stands", "undecided", "does not stand", "does not stand", "does not stand",
        "does not stand",
    ]  # fmt: skip


def test_experiment_names_its_primary_tests():
    unit = {"test": "leave one out", "unit": "G3"}
    axis = {"test": "canonical correlation", "component": 3}
    table = family(primary=[unit, axis])
    assert dict(zip(table["test"], table["tier"], strict=True)) == {
        "d and c, 3": "primary", "gene without G3": "primary", "c and c, 2": "secondary",
        "gene without G2": "exploratory", "a_b and c, 1": "exploratory",
        "gene without G1": "exploratory",
    }  # fmt: skip
    # Half of the level stays with the second primary test, a quarter comes through for the first.
    np.testing.assert_allclose(table["p_run"].head(3), [0.024, 0.8, 0.024])
    assert family(primary=[])["tier"].unique().tolist() == ["secondary", "exploratory"]


@pytest.mark.parametrize(
    ("primary", "words"),
    [
        ({"model": "gene"}, "gene is not compared with covariates"),
        ({"model": "fusion"}, "fusion is not compared with covariates"),
        ({"reference": "fusion"}, "fusion + covariates is not compared with fusion"),
    ],
)
def test_comparison_that_is_not_made_cannot_be_primary(primary, words):
    refuse_unknown_primary(make_recipe())
    refuse_unknown_primary(make_recipe(primary=[{"test": "canonical correlation"}]))
    for known in ({}, {"model": "fusion", "reference": "gene"}, {"algorithm": "linear"}):
        refuse_unknown_primary(make_recipe(primary=[{"test": "model comparison", **known}]))
    said = f"experiment 'test', column 'primary': {words}. Compared are gene + covariates over "
    with pytest.raises(InputError, match=f"^{re.escape(said)}"):
        refuse_unknown_primary(make_recipe(primary=[{"test": "model comparison", **primary}]))


def test_every_kind_of_primary_test_is_a_kind_of_claim():
    known = {
        claims.source: analysis.name for analysis in load_analyses() for claims in analysis.claims
    }
    assert known == ANALYSIS_OF


def test_usual_values_of_a_primary_test():
    recipe = make_recipe(algorithms=["xgboost", "linear"])
    claims = {c.source: c for analysis in load_analyses() for c in analysis.claims}
    comparison, axis = claims["model comparison"], claims["canonical correlation"]
    [first, second] = recipe.experiment.primary_tests
    assert wanted(recipe, axis, first) == {"component": 1}
    assert wanted(recipe, comparison, second) == {
        "model": "fusion + covariates", "reference": "covariates", "algorithm": "xgboost",
    }  # fmt: skip
    named = PrimaryComparison(test="model comparison", model="fusion", reference="gene")
    assert wanted(recipe, comparison, named) == {
        "model": "fusion", "reference": "gene", "algorithm": "xgboost",
    }  # fmt: skip
    association = PrimaryAssociation(test="association")
    assert wanted(recipe, claims["association"], association) == {
        "outcome": "diagnosis", "component": 1,
    }  # fmt: skip


def test_which_claims_are_secondary():
    recipe = make_recipe(algorithms=["xgboost", "linear"])
    claims = {c.source: c for analysis in load_analyses() for c in analysis.claims}
    for kind in ("canonical correlation", "held-out correlation"):
        assert claims[kind].secondary(recipe, {"component": 1})
        assert not claims[kind].secondary(recipe, {"component": 2})
    comparison = claims["model comparison"].secondary
    row = {"reference": "covariates", "algorithm": "xgboost"}
    assert comparison(recipe, row)
    assert not comparison(recipe, row | {"algorithm": "linear"})
    assert not comparison(recipe, row | {"reference": "gene"})
    for kind in ("leave one out", "association"):
        assert not claims[kind].secondary(recipe, row | {"component": 1})


def test_claims_of_one_p_value_keep_their_order():
    p_values = [0.0001, 0.0002, 0.0003] * 20
    rows = pd.DataFrame({"x": range(60), "y": "c", "component": 3, "p": p_values, "q": 0.5})
    table = collect_tests(make_recipe(), [("first", ONE, rows)])
    # Holm gives the larger two of three the same p over the run.
    np.testing.assert_allclose(table["p_run"], [0.006] * 20 + [0.008] * 40)
    order = sorted(range(60), key=lambda i: i % 3 > 0)
    assert table["test"].tolist() == [f"{i} and c, 3" for i in order]


def test_family_of_nothing_is_empty():
    assert collect_tests(make_recipe(), []).empty
    assert list(collect_tests(make_recipe(), []).columns) == list(TESTS.names)


def test_claims_name_what_enters():
    assert ONE.entering == "p"
    assert TWO.entering == "e"


def analysis_of(made, described, claimed):
    node = Node(lambda: None, None, list(made), name="node")
    tables = tuple(
        Contract(f"integration.{name}", "A table.", "model_output") for name in described
    )
    claims = tuple(Claims(table, "", "", "p", "q", "") for table in claimed)
    return Analysis("new", (node,), tables, Part, (), claims)


def test_analysis_describes_what_it_makes_and_claims_from_it():
    analysis_of(["a", "b"], ["b", "a"], ["integration.a", "b"])
    for made, described in ((["a", "b"], ["a"]), (["a"], ["a", "b"])):
        said = f"analysis 'new' makes {made} and describes {described}"
        with pytest.raises(ContractError, match=f"^{re.escape(said)}\\. This is a defect"):
            analysis_of(made, described, [])
    said = "analysis 'new' claims from tables it does not make: ['integration.c', 'd']"
    with pytest.raises(ContractError, match=f"^{re.escape(said)}\\. This is a defect"):
        analysis_of(["a"], ["a"], ["integration.a", "integration.c", "d"])


def climbed(**changes):
    """Rungs and choice of a ladder in which `stack` was chosen most often."""
    numbers = Numbers()
    rungs = rows_of(
        ladder.RUNGS, numbers,
        {"rung": "late fusion", "of": "late fusion", "role": "candidate", "stage": "late_fusion",
         "chosen": 1, "minutes": 0.2, "reason": ""},
        {"rung": "stack", "of": "stack", "role": "candidate", "stage": "stacking", "chosen": 3,
         "minutes": 2.5, "reason": ""},
        {"rung": "towers", "of": "towers", "role": "candidate", "stage": "two_tower_contrastive",
         "chosen": 1, "minutes": 9.0, "reason": ""},
        {"rung": "chosen by inner folds", "of": "chosen by inner folds", "role": "chosen",
         "stage": "late_fusion", "chosen": 0, "minutes": 31.0, "reason": ""},
    )  # fmt: skip
    line = {"rung": "stack", "folds": 3, "of": 5, "reference": "late fusion", "metric": "auroc",
            "difference": 0.061, "ci_low": 0.012, "ci_high": 0.11, "p_raw": 0.014,
            "p_adjusted": 0.014, "p_chance": 0.002, "p_masks": NAN, "smallest_seen": 0.047,
            "n": 385}  # fmt: skip
    return rungs, rows_of(ladder.CHOICE, numbers, {**line, **changes})


def on_ladder(**more):
    cards = {
        "stack": AlignmentStrategy(
            id="stack", stage="stacking", objective="O.", people=300,
            rung={"type": "stacking", "bases": ["linear", "xgboost"]},
        ),
        "towers": AlignmentStrategy(
            id="towers", stage="two_tower_contrastive", objective="O.", people=500,
            rung={"type": "two_towers"},
        ),
    }  # fmt: skip
    recipe = make_recipe(analyses=["prediction", "ladder"], ladder=list(cards), **more)
    return recipe.model_copy(update={"rungs": cards})


def decided(recipe=None, **changes):
    return decide_escalation(recipe or on_ladder(), PEOPLE, *climbed(**changes))


PEOPLE = pd.DataFrame(index=range(385))
NOTHING = ladder.RUNGS.empty(), ladder.CHOICE.empty()


def test_rule_uses_what_most_folds_chose():
    assert decided() == {
        "rule": "In every training fold inner folds choose among late fusion and the rungs of the "
        "ladder; leave late fusion if what they choose beats it on the test folds (corrected "
        "resampled t, one-sided p < 0.05: one test), is above chance itself and, where people "
        "lack a block, above knowing that alone. The rung is the one that most "
        "folds choose, late fusion left aside.",
        "by": "nested selection over the ladder",
        "stage": "late_fusion",
        "algorithm": "linear",
        "escalate": True,
        "next_stage": "stacking",
        "rung": "stack",
        "p_raw": 0.014,
        "says": "Use stack: inner folds chose it in 3 of 5 training folds, and what they chose "
        "gains +0.061 AUROC [+0.012, +0.110], p = 0.014 over late fusion on people whom neither "
        "saw.",
        "inputs": [
            {"reference": "late fusion", "difference": 0.061, "p_raw": 0.014, "p_chance": 0.002}
        ],
        "needs": [
            {"rung": "stack", "people": 300, "minutes": 2.5},
            {"rung": "towers", "people": 500, "minutes": 9.0},
        ],
        "next": "Confirm stack on people whom this run did not see: the same experiment with "
        "`ladder: [stack]` in another cohort (--env) or on later enrolments.",
        "smallest_seen": 0.047,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"p_raw": 0.05}, "it does not beat late fusion (p = 0.05); 0.047 or more would have"),
        ({"difference": -0.02, "p_raw": 0.01}, "it does not beat late fusion (p = 0.01);"),
        ({"p_chance": 0.05}, "it is not above chance (p = 0.05);"),
        ({"masks": True, "p_masks": 0.06}, "above knowing who lacks which block (p = 0.06);"),
        ({"p_raw": 0.4, "p_chance": 0.3}, "(p = 0.4); it is not above chance (p = 0.3);"),
        ({"p_raw": 0.4, "smallest_seen": NAN}, "; what could have been seen is not known."),
        ({"rung": "late fusion", "folds": 5, "difference": 0.0, "p_raw": 1.0},
         "inner folds preferred it to every rung in all 5 training folds; 0.047 or more"),
        ({"rung": "late fusion", "difference": -0.01, "p_raw": 0.7},
         "inner folds preferred it to every rung in 3 of 5 training folds (what they chose "
         "differs by -0.010 AUROC [+0.012, +0.110], p = 0.7); 0.047"),
    ],
)  # fmt: skip
def test_rule_stays_where_a_condition_fails(changes, words):
    found = decided(**changes)
    assert (found["escalate"], found["next_stage"]) == (False, "late_fusion")
    assert found["says"].startswith("Stay at late fusion: ")
    assert words in found["says"]
    assert found["next"].startswith("Run it again with more people: N is 385, below what simu")
    assert found["next"].endswith("needed for towers (500).")
    assert ("p_masks" in found["inputs"][0]) == ("p_masks" in changes)
    assert ("smallest_seen" in found) == (changes.get("smallest_seen") is not NAN)


def test_rule_passes_masks_that_are_beaten():
    found = decided(masks=True, p_masks=0.0499)
    assert found["escalate"]
    assert found["inputs"][0]["p_masks"] == 0.0499


def test_masks_that_could_not_be_compared_with_are_not_taken_for_beaten():
    found = decided(masks=True, p_masks=NAN)
    assert not found["escalate"]
    assert "above knowing who lacks which block (p not available)" in found["says"]


def test_a_ladder_without_a_comparison_tells_nothing():
    rungs, _ = climbed()
    rungs = rungs[rungs["rung"].isin(["late fusion", "stack", "towers"])].assign(
        reason=["", "no weights.", "could not be chosen in 5 of 5 folds: few pairs."]
    )
    found = decide_escalation(on_ladder(), PEOPLE, rungs, ladder.CHOICE.empty())
    assert (found["escalate"], found["next_stage"], found["inputs"]) == (False, "not_told", [])
    assert found["says"] == (
        "Beyond late fusion: not told, since no rung could be fitted and chosen (stack: no "
        "weights; towers: could not be chosen in 5 of 5 folds: few pairs)."
    )
    gone = decide_escalation(on_ladder(), PEOPLE, *NOTHING)
    assert gone["says"] == "Beyond late fusion: not told, since fewer than two blocks are there."


def test_where_most_folds_chose_late_fusion_and_the_others_won_the_winner_is_named():
    found = decided(rung="late fusion", folds=2)
    assert (found["escalate"], found["rung"], found["next_stage"]) == (True, "stack", "stacking")
    assert found["says"].startswith("Use stack: inner folds chose it in 3 of 5")


def test_enough_people_and_no_gain_asks_for_another_block():
    found = decided(p_raw=0.3, n=2000)
    assert found["next"] == (
        "Add a block, or people: at this N no rung of the ladder was shown to gain."
    )


def test_without_the_ladder_nothing_is_decided_and_its_price_is_named():
    found = decide_escalation(make_recipe(), PEOPLE, *NOTHING)
    assert (found["escalate"], found["next_stage"], found["inputs"]) == (False, "not_told", [])
    assert re.fullmatch(
        r"Beyond late fusion: not told, since the ladder was not run; run 09_ladder_gene_brain "
        r"\(kedro run --config conf/experiments/09_ladder_gene_brain\.yml; about \d+ minutes on "
        r"one core for this N\)\.",
        found["says"],
    )
    many = decide_escalation(make_recipe(), pd.DataFrame(index=range(50_000)), *NOTHING)
    assert re.search(r"about \d+ hours on one core", many["says"])
    one = make_recipe(blocks={"gene": "gene_v1"}, analyses=["prediction"])
    one = one.model_copy(update={"blocks": {"gene": one.blocks["gene"]}})
    assert decide_escalation(one, PEOPLE, *NOTHING)["says"] == (
        "Beyond late fusion: not told, since there is one block."
    )


def whole(recipe=None, parts=None, tests=None, decision=None, **folds):
    recipe = recipe or make_recipe()
    numbers = Numbers()
    flow = rows_of(FLOW, numbers, {"step": "in the table"}, {"step": "no scan", "remaining": 212})
    dims = [{"block": b, "variant": v, "fold": f, "dim": 10 + f}
            for b in ("gene", "brain") for v in ("adjusted", "unadjusted")
            for f in (0, 1)]  # fmt: skip
    dimensions = rows_of(DIMENSIONS, numbers, *dims)
    summary = {"n_folds": 4, "scheme": "stratified_grouped", "group": "family_id", "seed": 41,
               "hash": "abcd", **folds}  # fmt: skip
    if parts is None:
        parts = [
            Part(analysis="cca", findings=["F1."], cautions=["C1."], metrics={"a": 0.5, "b": NAN},
                 sections=[Section(id="cca", title="T1", items=[Note(text="N1")])],
                 statements=[Statement(test="S1", measure="m", estimate=0.3)],
                 regional=[Regional(title="R", values={"A": 1.0})]),
            Part(analysis="audit", verdict=[Verdict(level="ok", text="V1.")],
                 metrics={"c": float("inf"), "d": -2.0},
                 sections=[Section(id="audit", title="T2",
                                   items=[Bullets(items=[Cell(text="A1", css="artefact")])])]),
            Part(analysis="new", sections=[Section(id="unheard", title="T3", items=[])]),
        ]  # fmt: skip
    tests = family() if tests is None else tests
    decision = decision or decide_escalation(make_recipe(), PEOPLE, *NOTHING)
    return build_view(recipe, flow, summary, dimensions, tests, decision, ["Noticed."], *parts)


def test_report_as_a_whole(says):
    says("report", whole(decision=decided()))


def test_report_of_little(says):
    levels = [{"column": "site", "exchange": False}, {"column": "family_id", "exchange": True}]
    recipe = make_recipe(exchangeability=levels, analyses=["prediction"])
    decision = decide_escalation(recipe, PEOPLE, *NOTHING)
    view = whole(recipe, parts=[], tests=TESTS.empty(), decision=decision, group=None,
                 column="year", cut=2020)  # fmt: skip
    says("report_of_little", view)


def test_twenty_tests_are_shown():
    tests = pd.concat([family()] * 7, ignore_index=True).head(25)
    section = sections.tests_section(make_recipe(), tests)
    assert len(section.items[1].rows) == 20
    assert section.items[2].text == "25 tests; the first 20 are shown, all are in tests.csv."


def test_what_stands_is_marked_and_told():
    standing = ["undecided", "stands", "does not stand", "stands", "undecided", "does not stand"]
    view = whole(tests=family().assign(standing=standing))
    assert [s.test for s in view.surviving] == [
        "canonical correlation: c and c, 2", "canonical correlation: d and c, 3",
    ]  # fmt: skip
    assert [s.test for s in view.primary] == ["canonical correlation: a_b and c, 1"]
    assert "these stand at 0.05: 0 of 1 primary (1 undecided), 1 of 1 secondary, 1 of 4 explo" in (
        " ".join(view.findings)
    )
    [tests] = [s for s in view.sections if s.id == "tests"]
    assert [row.css for row in tests.items[1].rows] == ["", "hit", "", "hit", "", ""]


@pytest.mark.parametrize(
    ("standing", "words"),
    [("stands", "stands"), ("undecided", "is undecided"), ("does not stand", "does not stand")],
)
def test_primary_tests_are_told_first(standing, words):
    tests = family().assign(standing=standing)
    told = whole(tests=tests).findings
    assert told[0] == (
        "Primary tests (family-wise over the run): a_b and c, 1 (canonical correlation) "
        f"{words}, p = 0.002; 1 of 2 could not be made."
    )
    assert told[1] == "F1."


def test_a_run_without_primary_tests_says_so():
    recipe = make_recipe(primary=[])
    told = whole(recipe, tests=collect_tests(recipe, claimed())).findings
    assert told[0] == (
        "This run has no primary test: all that follows is secondary or exploratory."
    )


def test_what_makes_all_doubtful_stands_before_everything():
    parts = [Part(analysis="cca", findings=["F."], first=["A."]),
             Part(analysis="new", findings=["G."], first=["B.", "C."])]  # fmt: skip
    told = whole(parts=parts).findings
    assert told[:3] == ["A.", "B.", "C."]
    assert told[3].startswith("Primary tests")
    assert told[4:6] == ["F.", "G."]


def with_blocks(recipe, **changes):
    blocks = {"gene": recipe.blocks["gene"].model_copy(update=changes)}
    return recipe.model_copy(update={"blocks": blocks})


def test_strategies_are_told_as_on_the_card():
    step = Residualize(step="residualize", confounds=["age"], optional=["income", "score"])
    recipe = with_blocks(
        make_recipe(exchangeability=None),
        features=["kmer", "pgs"],
        preprocessing=[step, *make_recipe().blocks["gene"].preprocessing[:1]],
        projector=NoProjector(type="none"),
    )
    section = sections.methods_section(recipe, DIMENSIONS.empty(), {"rule": "R."})
    [row] = section.items[0].rows
    assert [cell.text for cell in row.cells] == [
        "gene", "gene_v1", "kmer, pgs",
        "residualize on age (where present: income, score); impute", "none",
    ]  # fmt: skip
    assert section.items[-1].items[0].text.endswith("intercept included, are removed there.")


def test_cautions_of_sites():
    recipe = make_recipe()
    told = "Sites are in training and test folds alike; site "
    assert general_cautions(recipe) == [f"{told}is a confound of gene, brain."]
    free = with_blocks(recipe, preprocessing=[])
    assert general_cautions(free) == [f"{told}is not adjusted for."]
    folds = recipe.experiment.folds.model_copy(update={"scheme": "leave_site_out"})
    experiment = recipe.experiment.model_copy(update={"folds": folds})
    assert general_cautions(recipe.model_copy(update={"experiment": experiment})) == []
    table = recipe.dataset.tables["participants"]
    columns = {name: c for name, c in table.columns.items() if name != "site"}
    tables = {"participants": table.model_copy(update={"columns": columns})}
    dataset = recipe.dataset.model_copy(update={"tables": tables})
    assert general_cautions(recipe.model_copy(update={"dataset": dataset})) == []


def test_report_without_a_caution_has_no_such_section():
    view = build_view(
        make_recipe().model_copy(update={"dataset": DatasetCard(id="toy", cohort="toy")}),
        rows_of(FLOW, Numbers(), {"remaining": 300}, {"remaining": 200}, {"remaining": 100}),
        {"n_folds": 4, "scheme": "stratified", "seed": 41, "hash": "abcd"},
        DIMENSIONS.empty(), family(), decide_escalation(make_recipe(), PEOPLE, *NOTHING), [],
    )  # fmt: skip
    assert view.n_subjects == 100
    assert view.cautions == []
    assert "warnings" not in [section.id for section in view.sections]


def test_what_to_do_stands_first_where_the_ladder_was_run():
    assert whole(decision=decided()).findings[0].startswith("Use stack: ")
    assert whole(decision=decided(p_raw=0.3)).findings[0].startswith("Stay at late fusion: ")
    without = whole(decision=decide_escalation(make_recipe(), PEOPLE, *NOTHING))
    assert without.findings[-1].startswith("Beyond late fusion: not told")


def test_p_values_that_no_permutation_reached_are_counted():
    tests = family().assign(p_entered_low=[0.0, 0.001, 0.0, 0.0, 0.1, 0.2])
    assert whole(tests=tests).findings[-2] == (
        "Of 6 tests of this run, taken as one family and asked in tiers, these stand at 0.05: 1 of "
        "1 primary, 1 of 1 secondary, 1 of 4 exploratory (1 undecided). 1 of the others were "
        "reached by no permutation; more of them (max_permutations) would tell how small their "
        "p-values are."
    )
    assert "reached by no" not in " ".join(whole().findings)


def test_sections_stand_in_the_order_of_the_list():
    sections = [Section(id=i, title=i, items=[]) for i in [*reversed(ORDER), "x", "y"]]
    got = [s.id for s in in_order(sections)]
    assert got == [*ORDER[: ORDER.index("methods")], "x", "y", "methods", "provenance"]


def test_provenance_names_cards_code_run_and_data(says):
    card = {"id": "card-1", "code_version": "0.1+abc", "mlflow_run_id": "run-1"}
    says("provenance", provenance_section({"one_v1": "h1", "two_v1": "h2"}, card, "The authors."))
    bare = provenance_section({}, {"id": "c", "code_version": "1"}, "")
    assert bare.items[1].text == "Code 1; MLflow run none; result card c."


def test_page_is_the_view_and_nothing_else():
    """The template against a second one, which is written out here."""
    view = whole()
    parts = {section.id: section for section in view.sections}
    pictures = {"sample_flow": b"1", "brain_maps": b"2"}
    more = provenance_section({"one_v1": "h1"}, {"id": "c", "code_version": "1"}, "A & B")
    assert {"picture", "note", "heading", "bullets", "table"} == {
        item.kind for section in parts.values() for item in section.items
    }
    page = render_report(view, pictures, [more])
    title, body = page[page.index("<title>") :].split("<style>")
    assert title.strip() == f"<title>{escaped(view.title)}</title>"
    sections = [*view.sections, more]
    written = [
        f"<header><div><h1>{escaped(view.title)}</h1><p>{escaped(view.subtitle)}</p><nav>",
        *(f'<a href="#{s.id}">{escaped(s.title)}</a>' for s in sections),
        "</nav></div></header><main>",
        *(
            f'<section class="{s.css}" id="{s.id}"><h2>{escaped(s.title)}</h2>'
            + "".join(item_html(item) for item in s.items)
            + "</section>"
            for s in sections
        ),
        "</main></body></html>",
    ]
    got = body[body.index("<body>") + len("<body>") :]
    assert got.replace("\n", "") == "".join(written)
    assert not re.search(r"\n\s*\n", page), "an empty line"


def item_html(item):
    """An item of a section, as a page should hold it."""
    if item.kind == "note":
        return f'<p class="note">{escaped(item.text)}</p>'
    if item.kind == "heading":
        return f"<h3>{escaped(item.text)}</h3>"
    if item.kind == "bullets":
        lines = (f'<li class="{c.css}">{escaped(c.text)}</li>' for c in item.items)
        return f"<ul>{''.join(lines)}</ul>"
    if item.kind == "picture":
        png = {"sample_flow": "MQ==", "brain_maps": "Mg=="}[item.figure]
        return (
            f'<figure><img src="data:image/png;base64,{png}" alt="{escaped(item.alt)}">'
            f"<figcaption>{escaped(item.caption)}</figcaption></figure>"
        )
    cells = [f'<th class="{c.css}" scope="col">{escaped(c.text)}</th>' for c in item.head]
    rows = [
        f'<tr class="{row.css}">'
        + "".join(f'<td class="{c.css}">{escaped(c.text)}</td>' for c in row.cells)
        + "</tr>"
        for row in item.rows
    ]
    return (
        f'<div class="scroll"><table aria-label="{escaped(item.name)}"><thead><tr>'
        f"{''.join(cells)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def escaped(text):
    from markupsafe import escape

    return str(escape(text))


def test_hostile_text_stays_text():
    part = Part(analysis="cca", findings=["<script>alert(1)</script>"])
    page = render_report(whole(parts=[part]), {"sample_flow": b"1"}, [])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_figure_that_was_not_drawn_is_a_defect():
    with pytest.raises(Exception, match="sample_flow"):
        render_report(whole(parts=[]), {}, [])


def test_every_claim_label_names_columns_of_its_table():
    for analysis in load_analyses():
        tables = {t.name: t for t in analysis.tables}
        for claims in analysis.claims:
            row = dict.fromkeys(tables[claims.table].names, "x")
            assert claims.label.format(**row)
            used = {claims.p_raw, claims.p_adjusted, claims.entering} - {""}
            assert used <= set(row)
            if claims.p_raw:
                assert claims.p_raw != claims.p_adjusted
