from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.cohort import assemble_cohort
from neurogenomics_kb.pipelines.integration.design import covariates_for, prepare_block
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.cards import EmbeddingStrategy
from tests.pipelines.conftest import make_cohort, make_recipe


def with_step(method: str, **experiment):
    recipe = make_recipe(**experiment)
    brain = EmbeddingStrategy(
        id="brain_v1",
        modality="smri",
        features=["thickness", "volume"],
        preprocessing=[
            {"step": "impute"},
            {"step": "etiv", "method": method},
            {"step": "zscore"},
            {"step": "residualize", "confounds": ["age", "sex"]},
        ],
    )
    return recipe.model_copy(update={"blocks": {**recipe.blocks, "brain": brain}})


@pytest.fixture(scope="module")
def cohort():
    participants, features, quality = make_cohort(n=160)
    etiv = quality["smri"]["etiv"]
    rng = np.random.default_rng(1)
    volume = 4e3 * etiv / 1.5e6 * rng.normal(1, 0.01, len(etiv))
    features["smri"] = features["smri"].assign(smri__volume__R0=volume)
    return participants, features, quality


def correlation(recipe, cohort, **options):
    table, blocks, *_ = assemble_cohort(recipe, *cohort)
    covariates = covariates_for(recipe, table)
    frame = pd.concat([blocks["brain"], covariates], axis=1)
    out = build_transformer(recipe, "brain", covariates.columns, **options).fit_transform(frame)
    etiv = cohort[2]["smri"]["etiv"].loc[out.index]
    return abs(np.corrcoef(out["smri__volume__R0"], etiv)[0, 1])


def test_step_runs_from_the_card(cohort):
    assert correlation(with_step("none"), cohort) > 0.9
    assert correlation(with_step("residual"), cohort) < 0.05
    assert correlation(with_step("proportion"), cohort) < 0.3


def test_residual_makes_etiv_a_confound_and_proportion_does_not():
    assert with_step("residual").blocks["brain"].confounds == ["etiv", "age", "sex"]
    proportion = with_step("proportion")
    assert proportion.blocks["brain"].confounds == ["age", "sex"]
    assert proportion.divisors == ["etiv"]
    assert with_step("none").divisors == []


def test_inference_leaves_residuals_to_its_own_projection_and_keeps_proportions(cohort):
    assert correlation(with_step("residual"), cohort, residualize=False) > 0.9
    assert correlation(with_step("proportion"), cohort, residualize=False) < 0.3
    recipe = with_step("proportion")
    table, blocks, *_ = assemble_cohort(recipe, *cohort)
    ready = prepare_block(recipe, "brain", blocks["brain"], table)
    assert "etiv" not in ready
    assert ready.shape == blocks["brain"].shape


def test_missing_etiv_is_refused_or_counted(cohort):
    participants, features, quality = cohort
    smri = quality["smri"].copy()
    smri.iloc[:3, smri.columns.get_loc("etiv")] = np.nan
    gappy = participants, features, {**quality, "smri": smri}
    with pytest.raises(InputError, match=r"smri.quality, column 'etiv'.*3 of 160 subjects"):
        assemble_cohort(with_step("proportion"), *gappy)
    flow = assemble_cohort(with_step("proportion", missing_confounds="drop"), *gappy)[2]
    assert flow.set_index("step").loc["no value of confound etiv", "excluded"] == 3


def test_card_knows_its_methods():
    with pytest.raises(ValueError, match="'proportion', 'residual' or 'none'"):
        with_step("ratio")
