"""Pipelines by name, registered explicitly.

`kedro.framework.project.find_pipelines` loads only what a run asks for, which breaks compositions.
"""

from __future__ import annotations

from kedro.pipeline import Pipeline

from neurogenomics_kb.pipelines import (
    behaviour,
    clinical,
    dmri,
    eeg,
    fmri,
    genomics,
    integration,
    recipe,
    reporting,
    simulation,
    smri,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines that ``kedro run --pipeline=<name>`` offers.

    Returns
    -------
    dict of str to Pipeline
        Each runs by itself from what earlier ones stored; ``integration`` goes from raw data to
        the report, and is the default.
    """
    card = recipe.create_pipeline()
    features = {
        "genomics": card + genomics.create_pipeline(),
        "smri": card + smri.create_pipeline(),
        "dmri": dmri.create_pipeline(),
        "fmri": card + fmri.create_pipeline(),
        "eeg": card + eeg.create_pipeline(),
        "behaviour": behaviour.create_pipeline(),
        "clinical": card + clinical.create_pipeline(),
    }
    report = reporting.create_pipeline()
    whole = sum(features.values(), card) + integration.create_pipeline() + report
    return {
        "simulation": simulation.create_pipeline(),
        **features,
        "integration": whole,
        "reporting": report,
        "__default__": whole,
    }
