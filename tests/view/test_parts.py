"""What every analysis says, cell by cell, on tables in which every number is another."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from neurogenomics_kb.pipelines.integration.analyses import load_analyses
from neurogenomics_kb.pipelines.integration.analyses.audit.present import present_audit
from neurogenomics_kb.pipelines.integration.analyses.audit.table import AUDIT
from neurogenomics_kb.pipelines.integration.analyses.cca import tables as cca
from neurogenomics_kb.pipelines.integration.analyses.cca.feature_view import feature_items
from neurogenomics_kb.pipelines.integration.analyses.cca.loadings import (
    panels_of,
    significant_components,
)
from neurogenomics_kb.pipelines.integration.analyses.cca.present import (
    present_cca,
    with_held_out,
)
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.present import present_search
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.tables import SEARCH
from neurogenomics_kb.pipelines.integration.analyses.joint_axes import tables as joint_tables
from neurogenomics_kb.pipelines.integration.analyses.joint_axes.present import present_joint_axes
from neurogenomics_kb.pipelines.integration.analyses.ladder import tables as ladder_tables
from neurogenomics_kb.pipelines.integration.analyses.ladder.present import present_ladder
from neurogenomics_kb.pipelines.integration.analyses.logo.present import present_attribution
from neurogenomics_kb.pipelines.integration.analyses.logo.tables import ATTRIBUTION
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.present import (
    present_associations,
)
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.tables import (
    ASSOCIATIONS,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.present import present_prediction
from neurogenomics_kb.pipelines.integration.analyses.prediction.tables import (
    COMPARISONS,
    CURVES,
    METRICS,
)
from neurogenomics_kb.pipelines.integration.analyses.reference_maps import tables as map_tables
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.present import present_maps
from neurogenomics_kb.pipelines.reporting.view import ORDER
from neurogenomics_kb.registry.cards import Column
from tests.pipelines.conftest import make_recipe
from tests.view.tables import NAN, Numbers, rows_of

PAIR = {"x": "gene", "y": "white_matter"}
OTHER = {"x": "gene", "y": "brain-stem"}


def canonical_tables():
    numbers = Numbers()
    inference = rows_of(
        cca.INFERENCE, numbers,
        # All below 0.05, all different: the family-wise, the uncorrected, the held-out one.
        {**PAIR, "component": 1, "p_raw": 0.0012, "p_adjusted": 0.0023, "n": 1440,
         "p_held_out_adjusted": 0.0034, "x_dim": 7, "y_dim": 11, "p_adjusted_low": 0.0011,
         "p_adjusted_high": 0.0047, "p_held_out_adjusted_low": 0.002,
         "p_held_out_adjusted_high": 0.0051, "p_raw_low": 0.0, "p_raw_high": 0.0028},
        {**PAIR, "component": 2, "p_raw": 0.0045, "p_adjusted": 0.0056, "n": 1440,
         "p_held_out_adjusted": 0.067, "x_dim": 7, "y_dim": 11, "p_adjusted_low": 0.0013,
         "p_adjusted_high": 0.051, "p_held_out_adjusted_low": 0.041,
         "p_held_out_adjusted_high": 0.093, "p_raw_low": 0.0012, "p_raw_high": 0.013},
        {**PAIR, "component": 3, "p_raw": 0.31, "p_adjusted": 0.32, "n": 1440,
         "p_held_out_adjusted": NAN, "held_out_projected": NAN, "bootstrap_x": NAN, "x_dim": 7,
         "y_dim": 11},
        {**OTHER, "component": 1, "p_raw": 0.71, "p_adjusted": 0.72, "n": 639,
         "p_held_out_adjusted": 0.73, "x_dim": 3, "y_dim": 5},
    )  # fmt: skip
    folds = [
        {**pair, "component": c, "fold": f}
        for pair, components in ((PAIR, (1, 2)), (OTHER, (1,)))
        for c in components
        for f in range(3)
    ]
    held_out = rows_of(cca.HELD_OUT, numbers, *folds)
    loadings = rows_of(
        cca.LOADINGS, numbers,
        *(
            {**PAIR, "component": c, "side": "y", "block": "white_matter", "group": group,
             "unit": unit, "feature": f"dmri__{group}__{unit}", "loading": loading * c,
             **({"p_adjusted": 0.0067} if (c, unit) == (1, "fornix") else {})}
            for c in (1, 2, 3)
            for group, unit, loading in (
                ("fa", "cingulum", -0.31), ("fa", "fornix", 0.22), ("fa", "uncinate", 0.03),
                ("fa", "arcuate", 0.11), ("md", "fornix", 0.12),
            )
        ),
        *(
            {**PAIR, "component": c, "side": "x", "block": "gene", "group": "kmer", "unit": unit,
             "feature": f"genomics__kmer__{unit}__{k}", "loading": loading}
            for c in (1, 2, 3)
            for unit, k, loading in (
                ("A", "AA", 0.3), ("A", "AC", -0.4), ("B", "AA", 0.1), ("B", "AC", 0.1),
                ("C", "AA", 0.2), ("C", "AC", 0.2), ("D", "AA", 0.01), ("D", "AC", 0.01),
            )
        ),
    )  # fmt: skip
    sides = [("x", "gene"), ("y", "white_matter")]
    correlations = {(1, "x"): 0.21, (1, "y"): -0.2, (2, "x"): 0.02, (2, "y"): -0.03}
    direction = rows_of(
        cca.DIRECTION, numbers,
        *(
            {**PAIR, "component": c, "side": side, "block": block, "outcome": "mdd",
             "correlation": correlations[c, side], "n": 400}
            for c in (1, 2)
            for side, block in sides
        ),
    )  # fmt: skip
    return inference, held_out, loadings, direction


def test_canonical_correlations(says):
    says("cca", present_cca(make_recipe(), *canonical_tables()))


def test_features_of_an_axis_are_listed_smallest_p_first_and_at_most_ten_of_a_side():
    inference, _, _, _ = canonical_tables()
    shown = inference[inference["component"] == 1].iloc[:1]
    ps = [0.5, 0.049, 0.05, *[0.9] * 9, NAN]
    table = rows_of(
        cca.LOADINGS, Numbers(),
        *(
            {**PAIR, "component": c, "side": "x", "block": "gene", "feature": f"f{i}",
             "p_adjusted": p, "cross_loading": 0.01 * i * (-1) ** i}
            for c in (1, 2)
            for i, p in enumerate(ps)
        ),
    )  # fmt: skip
    _, listed, counts, _ = feature_items(shown, table, 0.05)
    names = [line.cells[2].text for line in listed.rows]
    # Among equal p the larger cross-loading, whatever its sign; the untested one is left out.
    assert names == ["f1", "f2", "f0", "f11", "f10", "f9", "f8", "f7", "f6", "f5"]
    assert [line.css for line in listed.rows] == ["hit"] + [""] * 9
    assert "1 of 12 features of gene" in counts.text
    untested = table.assign(p_adjusted=NAN)
    assert feature_items(shown, untested, 0.05) == []


def test_directions_turn_with_the_sign_of_the_axis():
    inference, held_out, loadings, direction = canonical_tables()
    turned = direction.assign(correlation=-direction["correlation"])
    for table, words in ((direction, "higher fa of cingulum, lower fa of fornix"),
                         (turned, "lower fa of cingulum, higher fa of fornix")):  # fmt: skip
        part = present_cca(make_recipe(), inference, held_out, loadings, table)
        assert f"with a higher mdd go {words}" in str(part.sections)
    # 1.96 standard errors of a correlation: the edge is a direction.
    edge = direction.assign(correlation=[0.098, -0.098, 0.0979, -0.0979])
    said = str(present_cca(make_recipe(), inference, held_out, loadings, edge).sections)
    assert said.count("in either direction") == 2


def test_components_shown_are_the_significant_ones_and_the_first():
    inference, *_ = canonical_tables()
    shown = significant_components(inference.assign(p_adjusted=[0.9, 0.05, 0.0499, 0.9]), 0.05)
    assert shown["component"].tolist() == [1, 3, 1]


def test_a_p_value_at_alpha_is_no_hit():
    inference, *others = canonical_tables()
    part = present_cca(make_recipe(), inference.assign(p_adjusted=0.05), *others)
    assert "0 of 3 tested components are significant" in part.findings[0]
    tables = [item for item in part.sections[0].items if item.kind == "table"]
    assert [row.css for row in tables[0].rows] == [""] * 4


def test_small_samples_are_told_in_the_order_of_the_table():
    inference, *others = canonical_tables()
    cautions = present_cca(make_recipe(), inference.assign(n=31), *others).cautions
    assert [text.split(":")[0] for text in cautions] == [
        "gene and white_matter",
        "gene and brain-stem",
    ]


def bars(loadings, top=None):
    """Bars of one panel with these loadings by unit, more than one where a unit has several."""
    rows = [
        {**PAIR, "component": 1, "side": "x", "block": "gene", "group": "g", "unit": unit,
         "feature": f"{unit}{i}", "loading": loading}
        for i, (unit, loading) in enumerate(loadings)
    ]  # fmt: skip
    table = rows_of(cca.LOADINGS, Numbers(), *rows)
    inference, *_ = canonical_tables()
    more = {} if top is None else {"top": top}
    [panel] = panels_of(table, inference.head(1), **more)
    return panel


def test_bars_of_one_size_keep_the_order_of_the_table():
    units = [f"u{(7 * i) % 60}" for i in range(60)]
    loadings = [0.1, -0.2, -0.1, 0.1, 0.2, -0.1] * 10
    table = list(zip(units, loadings, strict=True))
    ordered = dict(sorted(table, key=lambda line: -abs(line[1])))
    one = bars(table, top=60)
    assert one.signed
    assert list(one.bars.items()) == list(ordered.items())
    several = bars([line for line in table for _ in (1, 2)], top=60)
    assert not several.signed
    assert several.bars.index.tolist() == list(ordered)


def test_a_panel_shows_fifteen_bars_and_a_map_all():
    loadings = [(f"u{i}", 0.01 * i) for i in range(20)]
    assert bars(loadings).bars.index.tolist() == [f"u{i}" for i in range(19, 4, -1)]
    inference, held_out, _, direction = canonical_tables()
    first = {**PAIR, "component": 1, "side": "x", "block": "gene", "group": "g"}
    rows = [first | {"unit": u, "feature": u, "loading": v} for u, v in loadings]
    part = present_cca(make_recipe(), inference, held_out, rows_of(cca.LOADINGS, Numbers(), *rows),
                       direction)  # fmt: skip
    assert part.regional[0].values == dict(reversed(loadings))


def test_units_without_a_sign_and_without_a_loading_go_neither_way():
    inference, held_out, loadings, direction = canonical_tables()
    # A second encoder of the same genes, and a region whose loading is zero.
    twice = loadings[loadings["side"] == "x"].assign(group="embedding")
    none = loadings.replace({"loading": {0.12: 0.0, 0.03: 0.0}})
    table = pd.concat([none, twice])
    said = str(present_cca(make_recipe(), inference, held_out, table, direction).sections)
    axis = "most of the axis lies in A, C, B ({}), which has no sign of its own"
    assert f"+0.02); {axis.format('kmer')}; {axis.format('embedding')}." in said
    assert "lower md of" not in said
    assert "higher md of" not in said


def test_held_out_columns_are_there_without_rows():
    inference, held_out, *_ = canonical_tables()
    empty = with_held_out(cca.INFERENCE.empty(), cca.HELD_OUT.empty())
    assert list(empty.columns) == list(with_held_out(inference, held_out).columns)


def test_canonical_correlations_that_were_not_asked_for(says):
    empty = (c.empty() for c in (cca.INFERENCE, cca.HELD_OUT, cca.LOADINGS, cca.DIRECTION))
    says("cca_empty", present_cca(make_recipe(), *empty))


def metric_rows(numbers, name, models, **more):
    keys = [(m, v, a) for m in models for v, a in (("adjusted", "linear"), ("adjusted", "trees"))]
    keys.append((models[1], "unadjusted", "linear"))
    lines = [
        {"model": m, "variant": v, "algorithm": a, "metric": metric, "level": level}
        for m, v, a in keys
        for metric, level in ((name, ""), *more.get("others", ()))
    ]
    return rows_of(METRICS, numbers, *lines)


MODELS = ["covariates", "white_matter", "white_matter + covariates", "fusion",
          "fusion + covariates"]  # fmt: skip


NOTHING = METRICS.empty(), COMPARISONS.empty(), CURVES.empty()


def prediction_recipe(**experiment):
    recipe = make_recipe(algorithms=["linear", "xgboost"], **experiment)
    blocks = {"white_matter": recipe.blocks["brain"], "gene": recipe.blocks["gene"]}
    return recipe.model_copy(update={"blocks": blocks})


def comparisons(numbers):
    return rows_of(
        COMPARISONS, numbers,
        {"model": "white_matter + covariates", "reference": "covariates", "variant": "adjusted",
         "algorithm": "linear", "p_raw": 0.011, "p_adjusted": 0.033, "df": 4.0},
        {"model": "fusion + covariates", "reference": "covariates", "variant": "adjusted",
         "algorithm": "linear", "difference": -0.04, "p_raw": 0.013, "p_adjusted": 0.043,
         "df": 4.0},
        {"model": "fusion", "reference": "white_matter", "variant": "adjusted",
         "algorithm": "linear", "p_raw": 0.021, "p_adjusted": 0.05, "df": 4.0},
        {"model": "fusion + covariates", "reference": "covariates", "variant": "adjusted",
         "algorithm": "trees", "p_raw": 0.014, "p_adjusted": 0.061, "df": 4.0},
    )  # fmt: skip


def curves(numbers, **more):
    line = {"model": "fusion + covariates", "reference": "covariates", "algorithm": "linear",
            "metric": "auroc", "curves": "age^2, age*sex=male", "p_raw": 0.013,
            "curved_p_raw": 0.41, "p_change": 0.032}  # fmt: skip
    return rows_of(CURVES, numbers, line | more)


def test_curves_that_change_the_result_are_said_first():
    numbers = Numbers()
    metrics = metric_rows(numbers, "auroc", MODELS)
    recipe = prediction_recipe()
    for p, before, words in (
        (0.049, True, "the change is more than chance (p = 0.049)"),
        (0.05, False, "the change may be chance (p = 0.05)"),
        (NAN, False, "not told whether the change is more than chance"),
    ):
        table = curves(Numbers(), p_change=p, difference=0.11, curved_difference=-0.02)
        part = present_prediction(recipe, metrics, comparisons(numbers), table)
        assert bool(part.first) == before
        sentence = part.first[0] if before else part.findings[-1]
        assert words in sentence
        assert "is -0.020 (p = 0.41); as on the card it is +0.110 (p = 0.013)" in sentence
        assert sum("With curves" in line for line in [*part.first, *part.findings]) == 1
    none = present_prediction(recipe, metrics, comparisons(numbers), CURVES.empty())
    assert not any("With curves" in line for line in none.findings)
    assert "Not told: no confound has a curve" in str(none.sections)


def test_repeats_are_named_beside_the_comparisons():
    numbers = Numbers()
    metrics = metric_rows(numbers, "auroc", MODELS)
    recipe = prediction_recipe(folds={"scheme": "stratified", "n_repeats": 7})
    part = present_prediction(recipe, metrics, comparisons(numbers), CURVES.empty())
    assert "over the folds of 7 repeats, df = number of folds − 1" in str(part.sections)


def test_prediction(says):
    numbers = Numbers()
    metrics = metric_rows(numbers, "auroc", MODELS, others=[("auprc", ""), ("prevalence", "")])
    metrics.loc[metrics["metric"] == "prevalence", ["ci_low", "ci_high"]] = NAN
    says(
        "prediction",
        present_prediction(prediction_recipe(), metrics, comparisons(numbers), curves(numbers)),
    )


def test_prediction_of_several_classes(says):
    recipe = prediction_recipe(outcome="group", associations=[], analyses=["prediction"])
    recipe.dataset.tables["participants"].columns["group"] = Column(name="group", type="category")
    numbers = Numbers()
    others = [(m, c) for m in ("auroc", "prevalence") for c in ("ADHD (combined)", "typical")]
    metrics = metric_rows(numbers, "macro_auroc", MODELS, others=others)
    says(
        "prediction_classes",
        present_prediction(recipe, metrics, comparisons(numbers), curves(numbers)),
    )


def test_prediction_of_a_score_in_later_enrolments(says):
    folds = {"scheme": "temporal", "column": "year", "cut": 2020.0}
    more = {"analyses": ["prediction"], "folds": folds, "associations": []}
    recipe = prediction_recipe(outcome="score", **more)
    numbers = Numbers()
    metrics = metric_rows(numbers, "r2", MODELS)
    metrics["ci_low"], metrics["ci_high"] = NAN, NAN
    says(
        "prediction_later",
        present_prediction(recipe, metrics, comparisons(numbers), curves(numbers)),
    )


def test_metrics_and_shares_that_a_model_lacks_are_empty():
    recipe, numbers = prediction_recipe(), Numbers()
    shares = [("auroc", "few"), ("auroc", "many"), ("prevalence", "many")]
    metrics = metric_rows(numbers, "auroc", MODELS, others=[("auprc", ""), *shares])
    left_in = (metrics["variant"] == "unadjusted") & (metrics["metric"] == "auprc")
    part = present_prediction(recipe, metrics[~left_in], comparisons(numbers), CURVES.empty())
    tables = {item.name: item for item in part.sections[0].items if item.kind == "table"}
    [last] = [row for row in tables["metrics"].rows if row.cells[1].text == "left in"]
    assert last.cells[-1].text == ""
    assert [c.text for c in tables["metrics"].rows[0].cells if not c.text] == []
    few, many = tables["metrics by class"].head[-2:]
    assert few.text == "few"
    assert re.fullmatch(r"many \(0\.\d{3}\)", many.text)


def test_names_of_numbers_never_meet():
    """Names that differ only in what MLflow refuses get numbers, however many there are."""
    models = ["a[b", "a]b", "a{b", "a}b"]
    keys = {"variant": "adjusted", "algorithm": "linear", "metric": "auroc", "level": ""}
    metrics = rows_of(METRICS, Numbers(), *({"model": m} | keys for m in models))
    part = present_prediction(prediction_recipe(), metrics, COMPARISONS.empty(), CURVES.empty())
    names = [f"auroc/linear/a-b{more}" for more in ("", " 2", " 3", " 4")]
    assert part.metrics == dict(zip(names, metrics["value"], strict=True))


def test_a_difference_of_nothing_adds_nothing():
    numbers = Numbers()
    one = comparisons(numbers).head(1)
    for difference, p_adjusted, adds in (
        (0.0, 0.01, False),
        (0.01, 0.01, True),
        (0.01, 0.05, False),
    ):
        table = one.assign(difference=difference, p_adjusted=p_adjusted)
        metrics = metric_rows(numbers, "auroc", MODELS)
        said = present_prediction(prediction_recipe(), metrics, table, CURVES.empty()).findings[1]
        assert said.startswith("White_matter adds to") == adds


def test_one_block_is_held_against_the_covariates():
    recipe = make_recipe(blocks={"gene": "gene_v1"}, analyses=["prediction"], associations=[])
    recipe = recipe.model_copy(update={"blocks": {"gene": recipe.blocks["gene"]}})
    pairs = [("gene", "covariates"), ("gene + covariates", "covariates"),
             ("gene + covariates", "gene"), ("fusion + covariates", "covariates")]  # fmt: skip
    rows = [{"model": m, "reference": r, "variant": "adjusted", "algorithm": "linear"}
            for m, r in pairs]  # fmt: skip
    table = rows_of(COMPARISONS, Numbers(), *rows)
    metrics = metric_rows(Numbers(), "auroc", ["covariates", "gene"]).head(0)
    [statement] = present_prediction(recipe, metrics, table, CURVES.empty()).statements
    assert statement.test == "gene + covariates over covariates (linear)"


def test_prediction_that_was_not_asked_for(says):
    part = present_prediction(
        prediction_recipe(), METRICS.empty(), COMPARISONS.empty(), CURVES.empty()
    )
    says("prediction_empty", part)


def attribution_table():
    numbers = Numbers()
    units = [{"unit": f"G{i}", "level": "unit", "block": "gene", "metric": "auroc",
              "full_score": 0.777} for i in range(17)]  # fmt: skip
    units[0] |= {
        "p_raw": 0.0011,
        "p_adjusted": 0.0499,
        "p_adjusted_low": 0.0433,
        "p_adjusted_high": 0.04995,
        "p_raw_low": 0.0001,
        "p_raw_high": 0.0023,
    }
    units[1] |= {
        "p_raw": 0.0012,
        "p_adjusted": 0.05,
        "p_adjusted_low": 0.05,
        "p_adjusted_high": 0.062,
    }
    units[3] |= {"p_raw": 0.0013, "p_adjusted": 0.0488, "p_adjusted_low": 0.0391,
                 "p_adjusted_high": 0.0582}  # fmt: skip
    units[4] |= {"p_adjusted": 0.051, "p_adjusted_low": 0.041, "p_adjusted_high": 0.061}
    units[2] |= {"level": "cluster", "unit": "G2 + G20", "single_low": NAN}
    return rows_of(ATTRIBUTION, numbers, *units)


def test_attribution(says):
    notes = ["The first note.", "The second note."]
    says("logo", present_attribution(make_recipe(), attribution_table(), notes))


def test_attribution_of_one_unit_and_of_two_hits():
    table = attribution_table()
    one = present_attribution(make_recipe(), table.head(1), [])
    assert one.findings == [
        "Leaving out one unit of block gene at a time: G0 lower the score more than chance "
        "(family-wise)."
    ]
    whole = present_attribution(make_recipe(), table, []).findings[0]
    assert whole.endswith("; undecided with these permutations: G3, G4.")
    assert one.regional[0].title == "gene: loss of AUROC without it"
    sure = {"p_adjusted": 0.01, "p_adjusted_low": 0.005, "p_adjusted_high": 0.02}
    two = present_attribution(make_recipe(), table.head(2).assign(**sure), [])
    assert ": G0, G1 lower the score more than chance" in two.findings[0]


def test_attribution_without_a_hit_and_without_rows(says):
    sure = {"p_adjusted": 0.3, "p_adjusted_low": 0.25, "p_adjusted_high": 0.35}
    none = attribution_table().assign(**sure, level="cluster")
    part = present_attribution(make_recipe(), none, [])
    assert part.findings == [
        "Leaving out one unit of block gene at a time: none lowers the score more than chance "
        "(family-wise)."
    ]
    assert part.regional == []
    says("logo_empty", present_attribution(make_recipe(), ATTRIBUTION.empty(), []))


def test_associations(says):
    numbers = Numbers()
    base = {**PAIR, "side": "y", "block": "white_matter"}
    table = rows_of(
        ASSOCIATIONS, numbers,
        {**base, "component": 1, "outcome": "diagnosis", "measure": "odds ratio per SD",
         "p_raw": 0.0101, "p_adjusted": 0.0402, "df": 301.0, "note": ""},
        {**base, "component": 1, "outcome": "score", "measure": "partial pearson",
         "p_raw": 0.02, "p_adjusted": 0.05, "df": 302.5, "note": "separated"},
        {**base, "component": 2, "outcome": "diagnosis", "measure": "odds ratio per SD",
         "p_raw": 0.03, "p_adjusted": 0.0499, "df": 303.0, "ci_low": NAN},
        {**base, "component": 1, "outcome": "score", "measure": "partial spearman",
         "p_raw": 0.021, "p_adjusted": NAN, "df": 302.5, "note": ""},
    )  # fmt: skip
    says("associations", present_associations(make_recipe(), table))
    says("associations_empty", present_associations(make_recipe(), ASSOCIATIONS.empty()))


def test_an_axis_that_contradicts_itself_stands_first():
    """0.82 in sample of 200 and nothing held out; a weak axis that holds out nothing does not."""
    numbers = Numbers()
    line = {**PAIR, "component": 1, "p_raw": 0.001, "p_adjusted": 0.002, "n": 210, "x_dim": 7,
            "y_dim": 5, "n_effective": 200, "p_held_out_adjusted": 0.4,
            "regularisation": "none"}  # fmt: skip
    held = rows_of(cca.HELD_OUT, numbers, *({**PAIR, "component": 1, "fold": k, "held_out": 0.02}
                                            for k in range(5)))  # fmt: skip

    def told(**change):
        inference = rows_of(cca.INFERENCE, numbers, {**line, "correlation": 0.82} | change)
        empty = cca.LOADINGS.empty(), cca.DIRECTION.empty()
        return present_cca(make_recipe(), inference, held, *empty)

    part = told()
    assert part.first[0].startswith(
        "gene and white_matter contradict themselves: the first component correlates 0.82 in "
        "sample, which the weakest true axis of 0.7"
    )
    assert "and 0.02 in held-out subjects" in part.first[0]
    assert part.first[0] == part.cautions[0]
    for quiet in (
        {"correlation": 0.38},
        {"p_held_out_adjusted": 0.04},
        {"p_adjusted": 0.06},
        {"regularisation": "ridge"},
    ):
        part = told(**quiet)
        assert not any("contradict" in text for text in [*part.first, *part.findings])


def test_audit(says):
    numbers = Numbers()
    table = rows_of(
        AUDIT, numbers,
        {"p_raw": 0.004, "scheme": "within", "chance": NAN},
        {"p_raw": NAN, "block": "", "unit": "", "value": NAN, "scheme": ""},
    )  # fmt: skip
    verdict = [{"level": "artefact", "text": "One."}, {"level": "caution", "text": "Two."},
               {"level": "not told", "text": "Between."}, {"level": "ok", "text": "Three."},
               {"level": "ok", "text": "Four."}]  # fmt: skip
    says("audit", present_audit(make_recipe(), table, verdict))
    says("audit_empty", present_audit(make_recipe(), AUDIT.empty(), []))


def test_dimension_search(says):
    numbers = Numbers()
    lines = [
        {"block": block, "fold": fold, "dim": dim, "metric": "auroc", "best": dim == best,
         "chosen": dim == 4}
        for block, best in (("gene", 8), ("brain", 4))
        for fold in (0, 1)
        for dim in (2, 4, 8)
    ]  # fmt: skip
    says("dimension_search", present_search(make_recipe(), rows_of(SEARCH, numbers, *lines)))
    says("dimension_search_empty", present_search(make_recipe(), SEARCH.empty()))


def test_reference_maps(says):
    recipe = make_recipe(analyses=["cca", "reference_maps"])
    table = rows_of(
        map_tables.COMPARISONS, Numbers(),
        {"p_adjusted": 0.049, "method": "spin", "note": ""},
        {"p_adjusted": 0.05, "method": "spin", "note": "", "component": 2},
        {"p_raw": NAN, "p_adjusted": NAN, "correlation": NAN, "p_error": NAN, "p_naive": NAN,
         "method": "spin"},
    )  # fmt: skip
    says("reference_maps", present_maps(recipe, table))


def test_ladder(says):
    numbers = Numbers()
    rungs = rows_of(
        ladder_tables.RUNGS, numbers,
        {"rung": "late fusion", "of": "late fusion", "role": "candidate", "stage": "late_fusion",
         "metric": "auroc", "chosen": 1, "reason": ""},
        {"rung": "stack", "of": "stack", "role": "candidate", "stage": "stacking",
         "metric": "auroc", "chosen": 3, "reason": ""},
        {"rung": "stack: mean", "of": "stack", "role": "beside", "stage": "stacking",
         "metric": "auroc", "chosen": 0, "minutes": NAN, "reason": ""},
        {"rung": "towers", "of": "towers", "role": "candidate", "stage": "two_tower_contrastive",
         "metric": "auroc", "chosen": 1, "reason": ""},
        {"rung": "towers: permuted pairs", "of": "towers", "role": "control",
         "stage": "two_tower_contrastive", "metric": "auroc", "chosen": 0, "minutes": NAN,
         "reason": ""},
        {"rung": "hubs", "of": "hubs", "role": "candidate", "stage": "hub_tokens",
         "metric": "auroc", "value": NAN, "ci_low": NAN, "ci_high": NAN, "p_chance": NAN,
         "chosen": 0, "minutes": NAN, "reason": "block 'gene' has 2 units."},
        {"rung": "chosen by inner folds", "of": "chosen by inner folds", "role": "chosen",
         "stage": "late_fusion", "metric": "auroc", "chosen": 0, "reason": ""},
    )  # fmt: skip
    comparisons = rows_of(
        ladder_tables.COMPARISONS, numbers,
        {"rung": "stack", "reference": "late fusion", "p_adjusted": 0.031, "p_raw": 0.016},
        {"rung": "towers", "reference": "late fusion", "p_adjusted": 0.042, "p_raw": 0.042},
        {"rung": "towers", "reference": "towers: permuted pairs", "p_adjusted": NAN,
         "p_raw": 0.055},
    )  # fmt: skip
    choice = rows_of(
        ladder_tables.CHOICE, numbers,
        {"rung": "stack", "folds": 3, "of": 5, "metric": "auroc", "p_raw": 0.013, "p_masks": NAN},
    )  # fmt: skip
    ranks = rows_of(
        ladder_tables.RANKS, numbers,
        *({"rung": "stack", "block": "gene", "column": str(i)} for i in range(16)),
    )  # fmt: skip
    retrieval = rows_of(
        ladder_tables.RETRIEVAL, numbers,
        {"rung": "towers", "x": "gene", "y": "brain", "k": 1, "p_raw": 0.004, "bins": "site"},
        {"rung": "towers", "x": "gene", "y": "brain", "k": 5, "p_raw": 0.21, "bins": "site"},
    )  # fmt: skip
    recipe = make_recipe()
    recipe.experiment.analyses.append("ladder")
    says("ladder", present_ladder(recipe, rungs, comparisons, choice, ranks, retrieval))
    none = [c.empty() for c in (ladder_tables.RUNGS, ladder_tables.COMPARISONS,
                                ladder_tables.CHOICE, ladder_tables.RANKS,
                                ladder_tables.RETRIEVAL)]  # fmt: skip
    assert present_ladder(recipe, *none).cautions == [
        "Ladder: not told, since the cohort has fewer than two blocks."
    ]
    assert present_ladder(make_recipe(), *none).cautions == []
    weak = comparisons.assign(p_adjusted=[0.05, 0.3, NAN])
    part = present_ladder(recipe, rungs, weak, choice, *none[3:])
    assert part.findings[1] == (
        "No rung by itself demonstrably beats late fusion (Holm over the rungs)."
    )


def test_joint_axes(says):
    numbers = Numbers()
    axes = rows_of(
        joint_tables.AXES, numbers,
        {"component": 1, "p_adjusted": 0.049, "n": 640}, {"component": 2, "p_adjusted": 0.05},
    )  # fmt: skip
    blocks = rows_of(
        joint_tables.BLOCKS, numbers,
        *(
            {"component": c, "block": block, "p_adjusted": p}
            for c, ps in ((1, (0.041, 0.05, 0.042)), (2, (0.3, 0.4, 0.5)))
            for block, p in zip(("gene", "brain", "scores"), ps, strict=True)
        ),
    )  # fmt: skip
    loadings = rows_of(
        joint_tables.LOADINGS, numbers,
        *(
            {"component": c, "block": block, "feature": f"{block}{i}", "loading": value * c}
            for c in (1, 2)
            for block in ("gene", "brain")
            for i, value in enumerate((0.11, -0.42, 0.21, 0.31))
        ),
    )  # fmt: skip
    recipe = make_recipe().model_copy(deep=True)
    recipe.experiment.analyses.append("joint_axes")
    says("joint_axes", present_joint_axes(recipe, axes, blocks, loadings))
    none = axes.iloc[:0], blocks.iloc[:0], loadings.iloc[:0]
    part = present_joint_axes(recipe, *none)
    assert part.cautions == [
        "Axes in common: not told, since the cohort has fewer than three blocks."
    ]
    assert present_joint_axes(make_recipe(), *none).cautions == []
    alone = present_joint_axes(recipe, axes, blocks.assign(p_adjusted=0.05), loadings)
    assert "no block passes by itself" in alone.findings[0]


def test_scores_of_the_search_are_named():
    line = {"block": "gene", "fold": 0, "dim": 2, "metric": "r2", "best": True, "chosen": True}
    part = present_search(make_recipe(), rows_of(SEARCH, Numbers(), line))
    assert "held-out R² 0." in part.findings[0]


@pytest.mark.parametrize("analysis", load_analyses(), ids=lambda a: a.name)
def test_no_analysis_says_p_is_zero_or_nan(analysis):
    """Tables without rows are what an analysis that was not asked for leaves."""
    tables = {t.name: t for t in analysis.tables}
    inputs = [tables[n].empty() if tables[n].format == "csv" or tables[n].columns else []
              for n in analysis.present_inputs]  # fmt: skip
    part = analysis.present(make_recipe(), *inputs)
    assert part.findings == []
    assert part.metrics == {}
    assert all(isinstance(section.title, str) for section in part.sections)
    assert "nan" not in str(part.model_dump())


def test_every_section_has_its_place_in_the_report():
    line = {"block": "gene", "fold": 0, "dim": 2, "metric": "r2", "best": True, "chosen": True}
    parts = [
        present_cca(make_recipe(), *canonical_tables()),
        present_prediction(
            prediction_recipe(), METRICS.empty(), COMPARISONS.empty(), CURVES.empty()
        ),
        present_attribution(make_recipe(), attribution_table(), []),
        present_associations(make_recipe(), ASSOCIATIONS.empty()),
        present_audit(make_recipe(), AUDIT.empty(), []),
        present_search(make_recipe(), rows_of(SEARCH, Numbers(), line)),
    ]
    ids = [section.id for part in parts for section in part.sections]
    assert [name for name in ORDER if name in ids] == ids


def test_every_row_of_a_table_has_its_head():
    for part in (present_cca(make_recipe(), *canonical_tables()),
                 present_attribution(make_recipe(), attribution_table(), [])):  # fmt: skip
        for item in part.sections[0].items:
            if item.kind == "table":
                assert {len(row.cells) for row in item.rows} == {len(item.head)}
