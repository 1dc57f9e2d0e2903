"""EEG: recordings to spectra, connectivity and segment embeddings."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.eeg.nodes import (
    assess_quality,
    build_features,
    pool_waves,
    process_recordings,
)


def create_pipeline() -> Pipeline:
    """EEG pipeline; `recipe` names the segment encoders."""
    return Pipeline(
        [
            Node(
                process_recordings,
                [
                    "recordings",
                    "recipe",
                    "params:recording",
                    "params:cleaning",
                    "params:measures",
                    "params:waves",
                ],
                ["runs", "run_features"],
                name="process_recordings",
            ),
            Node(
                assess_quality,
                ["runs", "params:waves", "params:quality"],
                "quality",
                name="assess_quality",
            ),
            Node(
                pool_waves,
                ["runs", "run_features", "params:quality"],
                "wave_features",
                name="pool_waves",
            ),
            Node(
                build_features,
                ["wave_features", "runs", "quality", "params:waves"],
                "features",
                name="build_features",
            ),
        ],
        namespace="eeg",
        inputs={"recipe"},
    )
