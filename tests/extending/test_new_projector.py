"""A projector is one module and one line in `PROJECTORS`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.pipelines.integration.analyses.logo.leave_one_out import attribute_block
from neurogenomics_kb.registry.cards.strategies import PROJECTORS
from tests.extending.small_run import study_of
from tests.extending.toys.random_axes import RandomAxesOptions
from tests.pipelines.conftest import make_recipe


@pytest.fixture
def recipe(monkeypatch):
    place = "tests.extending.toys.random_axes:build"
    monkeypatch.setitem(PROJECTORS, "random_axes", Part(RandomAxesOptions, place))
    recipe = make_recipe(algorithms=["linear"], n_permutations=199)
    options = PROJECTORS.validate({"type": "random_axes", "dim": 3})
    blocks = {
        name: card.model_copy(update={"projector": options}) for name, card in recipe.blocks.items()
    }
    return recipe.model_copy(update={"blocks": blocks})


def test_prediction_and_inference_see_what_it_gives(recipe):
    study = study_of(recipe, n=240)
    projections, summary = study.project()
    assert set(summary["dim"]) == {3}
    assert set(summary["asked"]) == {3}
    assert set(summary["kept"]) == {18, 8}
    assert projections["brain-adjusted-0"].shape == (240, 3)
    assert projections["brain-adjusted-0"].columns[0].startswith("gaussianrandomprojection")
    cca = study.correlate()
    assert set(cca["x_dim"]) == {3}
    assert set(cca["y_dim"]) == {3}


def test_leaving_genes_out_fits_it_again(recipe):
    """Before, any projector but a factor analysis was a PCA here."""
    study = study_of(recipe, n=240)
    table, _ = attribute_block(study.recipe, study.cohort, study.blocks, study.folds)
    assert {f"G{g}" for g in range(6)} <= set(table["unit"])
    pca = study_of(make_recipe(algorithms=["linear"], n_permutations=199), n=240)
    other, _ = attribute_block(pca.recipe, pca.cohort, pca.blocks, pca.folds)
    assert table["full_score"].iloc[0] != pytest.approx(other["full_score"].iloc[0])


def test_unknown_projectors_and_options_are_refused():
    for projector in ({"type": "pcs", "dim": 3}, {"type": "pca", "factors": 3}, {"type": "none",
                      "dim": 3}):  # fmt: skip
        strategy = make_recipe().blocks["gene"].model_dump(mode="json")
        with pytest.raises(
            ValidationError, match=r"did you mean .pca.|Extra inputs|Field required"
        ):
            type(make_recipe().blocks["gene"]).model_validate({**strategy, "projector": projector})
