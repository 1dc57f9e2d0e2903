"""What is said of models and their rivals, from tables in which every number is another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.pipelines.integration.analyses.rivals.features import say_number
from neurogenomics_kb.pipelines.integration.analyses.rivals.figures import draw_rivals
from neurogenomics_kb.pipelines.integration.analyses.rivals.judge import judge_models
from neurogenomics_kb.pipelines.integration.analyses.rivals.lines import hardest
from neurogenomics_kb.pipelines.integration.analyses.rivals.present import present_rivals
from neurogenomics_kb.pipelines.integration.analyses.rivals.tables import RIVALS, VERDICTS
from neurogenomics_kb.pipelines.integration.tables import TESTS
from neurogenomics_kb.pipelines.view import FALLS, STANDS
from neurogenomics_kb.registry.cards import EmbeddingStrategy
from tests.pipelines.conftest import make_recipe
from tests.view.tables import NAN, Numbers, rows_of

ALL = ("covariates", "tables", "twins")


def recipe_with(**changes):
    """The toy recipe whose gene block an encoder makes."""
    strategy = EmbeddingStrategy(id="seen_v1", modality="genomics", encoder="reader")
    recipe = make_recipe()
    update = {"blocks": {**recipe.blocks, "gene": strategy},
              "weights_licences": {"reader": "MIT"}, **changes}  # fmt: skip
    return recipe.model_copy(update=update)


def rivals_table(*changes):
    """Covariates, a cheap rival, two twins and the twin that decides."""
    kinds = {"covariates": "covariates", "tables": "rival", "twin_0": "twin", "twin_1": "twin",
             "twins": "twins"}  # fmt: skip
    rows = [
        {"block": "gene", "encoder": "reader", "rival": rival, "kind": kind, "metric": "auroc",
         "algorithm": "linear", "without": "0", "not_told": "",
         **({"p_adjusted": NAN} if kind in ("covariates", "twin") else {})}
        for rival, kind in kinds.items()
    ]  # fmt: skip
    for rival, change in changes:
        row = next(row for row in rows if row["rival"] == rival)
        row |= change
    return rows_of(RIVALS, Numbers(), *rows)


def family(**standing):
    """Tests of the run in which these rivals stand or fall."""
    names = {
        "covariates": ("model comparison", "gene + covariates over covariates, linear"),
        "tables": ("adds to the rival", "gene adds to tables, linear"),
        "twins": ("adds to the rival", "gene adds to twins, linear"),
    }
    lines = [
        {"source": names[rival][0], "test": names[rival][1], "standing": value}
        for rival, value in standing.items()
    ]
    # A claim of another block or predictor of the same name decides nothing here.
    lines.append({"source": "adds to the rival", "test": "gene adds to tables, xgboost",
                  "standing": FALLS})  # fmt: skip
    return rows_of(TESTS, Numbers(), *lines)


def judged(table, recipe=None, **standing):
    standing = {**dict.fromkeys(ALL, STANDS), **standing}
    cohort = pd.DataFrame(index=range(151))
    verdicts = judge_models(recipe or recipe_with(), cohort, table, family(**standing))
    VERDICTS.check(verdicts)
    assert len(verdicts) == 1
    return verdicts.iloc[0]


def test_a_model_that_adds_to_all_is_shown():
    table = rivals_table()
    line = judged(table)
    assert (line.model, line.block, line.strategy) == ("reader", "gene", "seen_v1")
    assert (line.verdict, line.reason, line.licence) == ("shown", "", "MIT")
    assert (line.n_subjects, line.metric) == (151, "auroc")
    deciding = table[table["kind"] != "twin"]
    assert line.smallest_difference == deciding["smallest_difference"].max()


@pytest.mark.parametrize("rival", ALL)
def test_one_that_does_not_stand_decides(rival):
    table = rivals_table()
    line = judged(table, **{rival: FALLS})
    assert line.verdict == "not shown"
    assert line.reason == f"does not demonstrably add to {rival}"
    own = table.set_index("rival").loc[rival, "smallest_difference"]
    assert line.smallest_difference == own


def test_a_claim_that_the_family_lost_does_not_stand():
    line = judge_models(
        recipe_with(), pd.DataFrame(index=range(3)), rivals_table(), TESTS.empty()
    ).iloc[0]
    assert line.verdict == "not shown"
    assert line.reason.endswith("covariates, tables, twins")


def test_what_could_not_be_compared_decides_nothing_alone():
    gap = ("tables", {"not_told": "nobody has any", "difference": NAN, "p_raw": NAN,
                      "p_adjusted": NAN, "smallest_difference": NAN})  # fmt: skip
    line = judged(rivals_table(gap))
    assert (line.verdict, line.reason) == ("not told", "tables: nobody has any")
    assert np.isfinite(line.smallest_difference)
    assert judged(rivals_table(gap), twins=FALLS).verdict == "not shown"


@pytest.mark.parametrize(
    ("why", "verdict"),
    [("imported", "not told"), ("the experiment asks for none", "not told"),
     ("it has no weights", "shown")],
)  # fmt: skip
def test_without_twins(why, verdict):
    table = rivals_table()
    table = table[~table["kind"].isin(["twin", "twins"])]
    recipe = recipe_with(no_twins={"gene": why}, weights_licences={})
    line = judged(table, recipe)
    assert line.verdict == verdict
    assert line.reason == ("" if verdict == "shown" else f"twins: {why}")
    assert line.licence == ("no weights" if verdict == "shown" else "not stated")


def test_covariates_alone_are_no_rival():
    table = rivals_table()
    recipe = recipe_with(no_twins={"gene": "it has no weights"})
    line = judged(table[table["kind"] == "covariates"], recipe)
    assert (line.verdict, line.reason) == ("not told", "there is no rival of its modality")


def test_the_twin_with_the_largest_p_stands_for_all():
    rows = rivals_table(("twin_0", {"p_raw": 0.2}), ("twin_1", {"p_raw": 0.3})).to_dict("records")
    found = hardest(rows, "gene", "linear")
    assert (found["rival"], found["kind"], found["p_raw"]) == ("twins", "twins", 0.3)
    assert found["seconds"] == rows[2]["seconds"] + rows[3]["seconds"]
    undefined = rivals_table(("twin_0", {"p_raw": NAN}), ("twin_1", {"p_raw": 0.3}))
    assert np.isnan(hardest(undefined.to_dict("records"), "gene", "linear")["p_raw"])
    absent = rivals_table(("twin_0", {"not_told": "lost"})).to_dict("records")
    assert hardest(absent, "gene", "linear")["not_told"] == "lost"
    assert hardest(rows, "brain", "linear") is None
    assert hardest(rows, "gene", "xgboost") is None


@pytest.mark.parametrize(("n", "said"), [(0, "0"), (1, "fewer than 10"), (9, "fewer than 10"),
                                         (10, "10")])  # fmt: skip
def test_small_numbers_of_people_are_not_told(n, said):
    assert say_number(n) == said


def verdict_lines(*verdicts):
    reasons = {"shown": "", "not shown": "does not demonstrably add to tables",
               "not told": "tables: nobody has any"}  # fmt: skip
    numbers = Numbers()
    lines = [{"block": f"b{i}", "model": f"m{i}", "strategy": f"s{i}", "verdict": v,
              "metric": "auroc", "reason": reasons[v], "licence": f"L{i}"}
             for i, v in enumerate(verdicts)]  # fmt: skip
    return rows_of(VERDICTS, numbers, *lines)


def test_rivals(says):
    table = rivals_table(("twin_1", {"without": "fewer than 10"}), ("tables", {"p_adjusted": 0.04}))
    recipe = recipe_with(no_twins={"brain": "it has no weights"})
    says("rivals", present_rivals(recipe, table, verdict_lines("shown", "not shown", "not told")))


def test_a_difference_that_nobody_knows_is_said_to_be_unknown():
    lines = verdict_lines("not shown").assign(smallest_difference=NAN)
    part = present_rivals(recipe_with(), rivals_table(), lines)
    assert "could have been seen: unknown)" in part.findings[0]
    assert part.models[0].smallest_difference is None


def test_the_forest_has_a_line_for_every_comparison():
    table = rivals_table(("tables", {"difference": NAN, "not_told": "lost"}))
    value = table["difference"]
    table = table.assign(ci_low=value - 0.05, ci_high=value + 0.07)
    figure = draw_rivals(recipe_with(), table)
    (axis,) = figure.axes
    labels = [t.get_text() for t in axis.get_yticklabels()]
    assert labels == [f"gene over {r}" for r in ("twins", "twin_1", "twin_0", "covariates")]
    drawn = {}
    for line in axis.containers:
        if hasattr(line, "lines"):
            x, y = line.lines[0].get_data()
            drawn |= dict(zip(np.asarray(y).tolist(), np.asarray(x).tolist(), strict=True))
    values = table.set_index("rival")["difference"]
    for height, label in enumerate(labels):
        assert drawn[height] == values[label.removeprefix("gene over ")]
    nothing = draw_rivals(recipe_with(), RIVALS.empty())
    assert "was compared" in nothing.axes[0].texts[0].get_text()
