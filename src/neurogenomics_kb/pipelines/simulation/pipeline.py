"""Wiring of the simulation pipeline."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.simulation.nodes import write_cohort

RAW = [
    "participants",
    "genomics.reference",
    "genomics.annotation",
    "genomics.variants",
    "genomics.polygenic_scores",
    "smri.freesurfer",
    "smri.euler",
    "fmri.timeseries",
    "fmri.confounds",
    "fmri.sidecar",
]


def create_pipeline() -> Pipeline:
    """Parameters in, raw files of the environment's cohort out."""
    return Pipeline(
        [
            Node(
                write_cohort,
                inputs=["params:simulation", "params:cohort"],
                outputs=[*RAW, "truth"],
                name="write_cohort",
            )
        ]
    )
