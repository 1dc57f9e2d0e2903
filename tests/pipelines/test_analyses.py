"""An analysis that is on the list is in pipeline, catalog, tests, report, card and tracking."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from neurogenomics_kb.foundation.contracts import Column, Contract, ContractError, by_name
from neurogenomics_kb.pipeline_registry import register_pipelines
from neurogenomics_kb.pipelines.contracts import CONTRACTS
from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses import load_analyses
from neurogenomics_kb.pipelines.integration.analyses.cca.figures import draw_loadings
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import INFERENCE, LOADINGS
from neurogenomics_kb.pipelines.reporting.nodes import CARD_TABLES, FIGURES
from neurogenomics_kb.registry.analyses import ANALYSES, known_analysis
from tests.pipelines.conftest import make_recipe
from tests.view.tables import Numbers, rows_of


@pytest.mark.parametrize("analysis", load_analyses(), ids=lambda a: a.name)
def test_an_analysis_on_the_list_is_everywhere(analysis):
    whole = register_pipelines()["integration"]
    names = {node.name for node in whole.nodes}
    for node in analysis.nodes:
        assert f"integration.{node.name}" in names
    for table in analysis.tables:
        assert CONTRACTS[table.name] is table
        if table.on_card:
            assert table.name in CARD_TABLES
    for drawing in analysis.drawings:
        assert drawing.name in FIGURES
        assert f"reporting.draw_{drawing.name}" in names
    for claims in analysis.claims:
        assert (analysis.name, claims) in nodes.CLAIMS
    part = f"reporting.{analysis.name}_part"
    for node in ("build_view", "draw_brain_maps"):
        assert part in whole.filter(node_names=[f"reporting.{node}"]).nodes[0].inputs
    card = whole.filter(node_names=["reporting.write_result_card"]).nodes[0]
    assert set(CARD_TABLES) <= set(card.inputs)


def test_the_list_is_the_registrys():
    assert [a.name for a in load_analyses()] == list(ANALYSES)
    with pytest.raises(ValueError, match=r"did you mean .cca.\?; known are cca,"):
        known_analysis("ccca")


def test_contracts_describe_every_column():
    for name, contract in CONTRACTS.items():
        assert contract.meaning.endswith("."), name
        for column in contract.columns:
            assert column.meaning.endswith((".", ".)")), (name, column.name)
            assert "p_value" not in column.name
        assert contract.columns or contract.further or contract.format == "json", name
        assert contract.seen_by


TOY = Contract("integration.toy", "A row.", "model_output", (Column("a", "A."), Column(
    "n", "N.", "integer"), Column("t", "T.", "text"), Column("f", "F.", "flag")))  # fmt: skip
GOOD = pd.DataFrame({"a": [0.5, None], "n": [1.0, None], "t": ["x", None], "f": [True, False]})


def test_a_good_table_passes_and_so_does_what_was_not_collected():
    TOY.check(GOOD)
    TOY.check(pd.DataFrame())
    TOY.check(TOY.empty())
    TOY.check(GOOD.astype({"t": "category"}))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (GOOD.drop(columns="a"), "lacks a"),
        (GOOD.assign(more=1), "has more, which its contract does not name"),
        (GOOD.assign(a="x"), r"a \(str instead of number\)"),
        (GOOD.assign(a=True), r"a \(bool instead of number\)"),
        (GOOD.assign(n=0.5), r"n \(float64 instead of integer\)"),
        (GOOD.assign(t=1), r"t \(int64 instead of text\)"),
        (GOOD.assign(f=1), r"f \(int64 instead of flag\)"),
    ],
)
def test_a_table_that_breaks_its_contract_is_a_defect(table, words):
    with pytest.raises(ContractError, match=words):
        TOY.check(table)


def test_indexes_belong_to_the_contract():
    person = Contract("integration.p", "A person.", "models", index="subject_id", further="Any.")
    table = pd.DataFrame({"x": [1.0]}, index=pd.Index(["s"], name="subject_id"))
    person.check(table)
    person.check(table.assign(wave_id="1").set_index("wave_id", append=True))
    with pytest.raises(ContractError, match="is eid, not subject_id"):
        person.check(table.rename_axis("eid"))


def test_private_is_the_default_and_cannot_be_shown():
    assert TOY.private
    assert TOY.metadata()["kedro-viz"]["preview"] is False
    assert "mlflow" not in TOY.metadata()
    for more in ({"tracked": "tables"}, {"on_card": True, "format": "csv"}):
        with pytest.raises(ContractError, match="private table cannot be"):
            Contract("integration.x", "A row.", "models", **more)


def test_two_contracts_of_one_name_or_file_are_a_defect():
    with pytest.raises(ContractError, match="two contracts claim"):
        by_name([TOY, TOY])
    same = Contract("integration.other", "A row.", "model_output", file="toy.parquet")
    with pytest.raises(ContractError, match="two contracts claim"):
        by_name([TOY, same])


def loadings_of(numbers):
    lines = [
        {"x": "gene", "y": "brain", "component": c, "side": side, "block": block, "group": group,
         "unit": unit, "feature": f"m__{group}__{unit}{part}", "loading": value}
        for c, turn in ((1, 1), (2, -1), (3, 1))
        for side, block, group, unit, part, value in (
            ("x", "gene", "kmer", "A", "__AA", 0.3 * turn),
            ("x", "gene", "kmer", "A", "__AC", -0.4 * turn),
            ("x", "gene", "kmer", "B", "__AA", 0.1 * turn),
            ("y", "brain", "thickness", "lh_insula", "", -0.7 * turn),
            ("y", "brain", "thickness", "rh_insula", "", 0.2 * turn),
            ("y", "brain", "volume", "lh_insula", "", 0.5 * turn),
        )
    ]  # fmt: skip
    return rows_of(LOADINGS, numbers, *lines)


def test_the_loadings_figure_says_what_the_table_says():
    """Every bar is one row of the table with its sign; the RMS stands in a panel of its own."""
    numbers = Numbers()
    table = loadings_of(numbers)
    inference = rows_of(
        INFERENCE, numbers,
        *({"x": "gene", "y": "brain", "component": c, "p_adjusted": p}
          for c, p in ((1, 0.2), (2, 0.01), (3, 0.3))),
    )  # fmt: skip
    figure = draw_loadings(make_recipe(), table, inference)
    drawn = {}
    for axis in figure.axes:
        if not axis.patches:
            continue
        block, group, _, _, component = re.fullmatch(
            r"(\w+): (\w+)\n(\w+) – (\w+), component (\d)", axis.get_title(loc="left")
        ).groups()
        names = [t.get_text() for t in axis.get_yticklabels()]
        widths = [patch.get_width() for patch in axis.patches]
        drawn[int(component), block, group] = dict(zip(names, widths, strict=True))
        rms = axis.get_xlabel().startswith("RMS")
        assert rms == (group == "kmer")
    # The first component, and every significant one; the third is neither.
    assert {key[0] for key in drawn} == {1, 2}
    for (component, block, group), bars in drawn.items():
        rows = table[(table["component"] == component) & (table["block"] == block)
                     & (table["group"] == group)]  # fmt: skip
        for unit, width in bars.items():
            values = rows.loc[rows["unit"] == unit, "loading"]
            signed = group != "kmer"
            assert width == pytest.approx(
                values.iloc[0] if signed else (values**2).mean() ** 0.5
            ), (component, block, group, unit)
    assert drawn[1, "brain", "thickness"]["lh_insula"] == -0.7
    assert drawn[2, "brain", "thickness"]["lh_insula"] == 0.7


def test_pairs_whose_names_run_together_keep_metrics_of_their_own():
    """(a-b, c) and (a, b-c) shared one name once."""
    from neurogenomics_kb.pipelines.integration.analyses.cca.present import present_cca
    from neurogenomics_kb.pipelines.integration.analyses.cca.tables import DIRECTION, HELD_OUT

    numbers = Numbers()
    pairs = [{"x": "a-b", "y": "c"}, {"x": "a", "y": "b-c"}]
    inference = rows_of(INFERENCE, numbers, *({**p, "component": 1} for p in pairs))
    held_out = rows_of(HELD_OUT, numbers, *({**p, "component": 1, "fold": f}
                                            for p in pairs for f in (0, 1)))  # fmt: skip
    part = present_cca(make_recipe(), inference, held_out, LOADINGS.empty(), DIRECTION.empty())
    values = [v for k, v in part.metrics.items() if k.endswith("/correlation")]
    assert values == inference["correlation"].tolist()
    assert all(re.fullmatch(r"[\w\-. /]+", name) for name in part.metrics)
