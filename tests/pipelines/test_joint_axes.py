"""Axes in common, from the blocks of a run to its tables."""

from __future__ import annotations

import pytest

from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses.joint_axes import infer, tables
from neurogenomics_kb.pipelines.integration.analyses.joint_axes.nodes import infer_joint_axes
from tests.pipelines.conftest import make_cohort, make_recipe

CONTRACTS = (tables.AXES, tables.BLOCKS, tables.LOADINGS)


@pytest.fixture(scope="module")
def toy():
    recipe = make_recipe()
    participants, features, quality = make_cohort(240)
    given = [t for m in nodes.MODALITIES for t in (features[m], quality[m])]
    cohort, blocks, *_ = nodes.assemble_cohort(recipe, participants, *given)
    brain = blocks["brain"]
    return cohort, {
        "gene": blocks["gene"],
        "brain": brain.iloc[:, :4],
        "rest": brain.iloc[:, 4:],
    }


def three_blocks():
    recipe = make_recipe(seed=1)
    recipe.experiment.analyses.append("joint_axes")
    recipe.blocks["rest"] = recipe.blocks["brain"]
    return recipe


def test_planted_axis_is_in_common_of_the_blocks_that_carry_it(toy):
    cohort, blocks = toy
    axes, parts, loadings = infer_joint_axes(three_blocks(), cohort, blocks)
    for contract, table in zip(CONTRACTS, (axes, parts, loadings), strict=True):
        contract.check(table)
    assert axes["p_adjusted"].iloc[0] == 0.01
    assert axes["component"].tolist() == [1, 2]
    assert (axes["n"] == len(cohort)).all()
    assert (axes["n_effective"] < axes["n"]).all()
    assert axes["shared"].iloc[0] > axes["null_mean"].iloc[0]
    assert set(axes["adjustment"]) == {infer.OVER_COMPONENTS}
    assert set(parts["adjustment"]) == {infer.OVER_BLOCKS}
    first = parts[parts["component"] == 1].set_index("block")
    assert first.index.tolist() == ["gene", "brain", "rest"]
    assert (first.loc[["gene", "brain"], "p_raw"] == 0.01).all()
    assert (first["p_adjusted"] >= first["p_raw"]).all()
    assert first.loc["rest", "p_raw"] > 0.05
    own = loadings[(loadings["component"] == 1) & (loadings["block"] == "brain")]
    size = own.set_index("feature")["loading"].abs()
    assert set(size.nlargest(3).index) == {f"smri__thickness__R{r}" for r in range(3)}


def test_two_blocks_and_runs_that_did_not_ask(toy):
    cohort, blocks = toy
    two = {name: blocks[name] for name in ("gene", "brain")}
    for found in (
        infer_joint_axes(three_blocks(), cohort, two),
        infer_joint_axes(make_recipe(), cohort, blocks),
    ):
        for contract, table in zip(CONTRACTS, found, strict=True):
            assert table.empty
            contract.check(table)


def test_experiment_needs_three_blocks():
    with pytest.raises(ValueError, match="joint_axes needs three blocks"):
        make_recipe(analyses=["joint_axes"])
