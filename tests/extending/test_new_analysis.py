"""A new analysis: one folder and one line; it is then in all that is built from the list."""

from __future__ import annotations

import sys
from types import ModuleType

import pandas as pd
import pytest
from kedro.pipeline import Node

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims, Drawing
from neurogenomics_kb.pipelines.style import canvas
from neurogenomics_kb.pipelines.view import Note, Part, Section, Statement
from neurogenomics_kb.registry.analyses import ANALYSES, AnalysisName

PACKAGE = "neurogenomics_kb.pipelines.integration.analyses"
MEANS = Contract(
    "integration.toy_means", "Mean of the outcome in one site.", "model_output",
    (Column("site", "Site.", "text"), Column("mean", "Mean outcome."), Column("p_raw", "p."),
     Column("p_adjusted", "p over the sites."), Column("adjustment", "How.", "text")),
    format="csv", private=False, on_card=True,
)  # fmt: skip


def compare_sites(recipe, cohort):
    """Mean of the outcome by site."""
    if "toy" not in recipe.experiment.analyses:
        return MEANS.empty()
    means = cohort.groupby("site")[recipe.experiment.outcome].mean()
    return pd.DataFrame({"site": means.index, "mean": means.to_numpy(), "p_raw": 0.5,
                         "p_adjusted": 1.0, "adjustment": "none"})  # fmt: skip


def draw_sites(recipe, means):
    """Bars of the means."""
    with canvas(3, 2) as (figure, (axis,)):
        axis.bar(means["site"], means["mean"])
    return figure


def present_sites(recipe, means):
    """One sentence and one section."""
    return Part(
        analysis="toy",
        findings=[f"{len(means)} sites have a mean."] if len(means) else [],
        sections=[Section(id="toy", title="Sites", items=[Note(text="Toy.")])],
        statements=[Statement(test="sites", measure="mean")],
        metrics={f"toy/{r.site}": r.mean for r in means.itertuples()},
    )


TOY = Analysis(
    name="toy",
    nodes=(Node(compare_sites, ["recipe", "cohort"], "toy_means", name="compare_sites"),),
    tables=(MEANS,),
    present=present_sites,
    present_inputs=("integration.toy_means",),
    claims=(Claims("integration.toy_means", "toy", "{site}", "p_raw", "p_adjusted", "none"),),
    drawings=(Drawing("toy_sites", draw_sites, ("integration.toy_means",)),),
)
# What is made from the list when it is imported.
BUILT = ("pipelines.contracts", "pipelines.integration.nodes", "pipelines.integration.pipeline",
         "pipelines.integration", "pipelines.reporting.nodes", "pipelines.reporting.pipeline",
         "pipelines.reporting", "pipeline_registry")  # fmt: skip


@pytest.fixture
def modules():
    """The product's modules as they were, each also under its name in its package.

    A package that was imported anew stands in its parent until somebody puts the first one back:
    what is then looked up by name would not be what ``sys.modules`` holds.
    """

    def ours():
        return {name: found for name, found in sys.modules.items()
                if name.startswith("neurogenomics_kb")}  # fmt: skip

    before = ours()
    yield
    for name in ours().keys() - before.keys():
        del sys.modules[name]
    sys.modules.update(before)
    for name, module in before.items():
        parent, _, child = name.rpartition(".")
        if parent in before:
            setattr(before[parent], child, module)


@pytest.fixture
def listed(modules, monkeypatch):
    """The folder ``analyses/toy`` and its line in the registry's list."""
    folder = ModuleType(f"{PACKAGE}.toy")
    folder.ANALYSIS = TOY
    sys.modules[folder.__name__] = folder
    monkeypatch.setitem(ANALYSES, "toy", AnalysisName(several_classes=True))
    for name in BUILT:
        sys.modules.pop(f"neurogenomics_kb.{name}", None)


def test_a_folder_and_a_line_are_enough(listed, tmp_path, monkeypatch):
    from neurogenomics_kb.pipeline_registry import register_pipelines
    from neurogenomics_kb.pipelines.contracts import CONTRACTS
    from neurogenomics_kb.pipelines.integration import nodes
    from neurogenomics_kb.pipelines.reporting.nodes import CARD_TABLES, FIGURES
    from neurogenomics_kb.pipelines.reporting.view import build_view
    from tests.pipelines.conftest import make_cohort, make_recipe

    whole = register_pipelines()["integration"]
    names = {node.name for node in whole.nodes}
    assert {"integration.compare_sites", "reporting.draw_toy_sites", "reporting.present_toy"} <= (
        names
    )
    assert CONTRACTS["integration.toy_means"] is MEANS
    assert "integration.toy_means" in CARD_TABLES
    assert "toy_sites" in FIGURES

    recipe = make_recipe(analyses=["toy"])
    participants, features, quality = make_cohort(120)
    tables = [t for m in nodes.MODALITIES for t in (features[m], quality[m])]
    cohort, blocks, flow, notes = nodes.assemble_cohort(recipe, participants, *tables)
    folds, summary = nodes.split_folds(recipe, cohort)
    _, dimensions = nodes.project_blocks(recipe, cohort, blocks, folds)
    means = compare_sites(recipe, cohort)
    MEANS.check(means)
    tests = nodes.collect_tests(
        recipe,
        *(means if claims.table == MEANS.name else CONTRACTS[claims.table].empty()
          for _, claims in nodes.CLAIMS)
    )  # fmt: skip
    assert tests["source"].unique().tolist() == ["toy"]
    decision = {"rule": "None.", "inputs": []}
    view = build_view(recipe, flow, summary, dimensions, tests, decision, notes,
                      present_sites(recipe, means))  # fmt: skip
    assert "3 sites have a mean." in view.findings
    assert [s.id for s in view.sections].index("toy") < [s.id for s in view.sections].index(
        "methods"
    )
    assert {"toy/north", "toy/south", "toy/west"} <= set(view.metrics)
    assert view.statements[0].test == "sites"
    assert draw_sites(recipe, means).axes
