from __future__ import annotations

import pytest
from pydantic import ValidationError

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import EmbeddingStrategy, PreprocessingPipeline
from tests.conftest import ROOT

AVERAGE = {"step": "average_parcels", "atlas": "Schaefer-400"}
STANDARD = {"step": "standardize"}


def card(*steps, **fields):
    return PreprocessingPipeline.model_validate({"id": "p", "steps": list(steps), **fields})


def test_the_three_cards_run():
    registry = Registry(ROOT / "kb")
    cards = {i: registry.runnable(i, "preprocessing") for i in registry.ids("preprocessing")}
    assert {i: c.yields for i, c in cards.items()} == {
        "hcp_like_minimal": "parcels",
        "ukb_native_tensor": "tensor",
        "abcd_fmriprep_ica_aroma": "parcels",
    }
    aroma = cards["abcd_fmriprep_ica_aroma"]
    assert aroma.find("censor").max_fd_mm == 0.5
    assert aroma.upstream[0].desc == "smoothAROMAnonaggr"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"step": "fliter", "low_pass_hz": 0.1}, AVERAGE], "'fliter' found using 'step'"),
        ([{"step": "filter", "lowpass_hz": 0.1}, AVERAGE], "lowpass_hz"),
        ([{"step": "filter"}, AVERAGE], "needs `high_pass_hz` or `low_pass_hz`"),
        ([{"step": "filter", "high_pass_hz": 0.2, "low_pass_hz": 0.1}], "0.2 is not below"),
        ([{"step": "regress", "signals": ["motoin"]}], "Input should be 'motion'"),
        ([{"step": "regress", "signals": ["motion"], "motion": 24}], "'basic', 'derivatives'"),
        ([{"step": "regress", "signals": ["compcor"]}], "add high_pass"),
        ([{"step": "censor", "max_fd_mm": -1}], "greater than 0"),
        ([AVERAGE, AVERAGE, STANDARD], "average_parcels is there more than once"),
        ([AVERAGE, {"step": "regress", "signals": ["motion"]}, {"step": "detrend"}, STANDARD],
         "the steps run in the order"),
        ([{"step": "detrend"}, STANDARD], "end in either average_parcels"),
        ([AVERAGE, STANDARD, {"step": "scale_tensor"}], "end in either average_parcels"),
        ([AVERAGE], "add the step standardize"),
        ([{"step": "filter", "low_pass_hz": 0.1}, {"step": "scale_tensor"}], "filter runs on parc"),
    ],
)  # fmt: skip
def test_cards_that_cannot_run_are_refused(steps, message):
    with pytest.raises(ValidationError, match=message):
        card(*steps)


def test_steps_are_part_of_the_hash():
    one = card(AVERAGE, {"step": "filter", "low_pass_hz": 0.1}, STANDARD)
    other = card(AVERAGE, {"step": "filter", "low_pass_hz": 0.09}, STANDARD)
    assert one.content_hash != other.content_hash


def strategy(steps, features, **fields):
    return EmbeddingStrategy.model_validate(
        {"id": "s", "modality": "fmri", "features": features,
         "preprocessing": [{"step": s} for s in steps], **fields}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "features", "fields", "message"),
    [
        (["zscore", "tangent"], ["covariance"], {}, "first preprocessing step"),
        (["tangent", "tangent"], ["covariance"], {}, "first preprocessing step"),
        (["tangent"], ["connectivity"], {}, r"needs features: \[covariance\]"),
        (["tangent"], ["covariance", "network"], {}, r"needs features: \[covariance\]"),
        (["zscore"], ["covariance"], {}, "begin with step tangent"),
        (["zscore"], ["thickness"], {"modality": "smri", "acquisition": "x"}, "functional images"),
    ],
)
def test_strategies_that_cannot_run_are_refused(steps, features, fields, message):
    with pytest.raises(ValidationError, match=message):
        strategy(steps, features, **fields)
