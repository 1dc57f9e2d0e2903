"""The ladder beyond late fusion: every rung on the same folds, and a choice that is paid for."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims, Drawing
from neurogenomics_kb.pipelines.integration.analyses.ladder import (
    figures,
    nodes,
    present,
    score,
)
from neurogenomics_kb.pipelines.integration.cohort import MODALITIES


def _is_secondary(recipe, row) -> bool:
    return True


ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.climb_ladder,
            inputs=[
                "recipe", "cohort", "folds", "projections", "blocks", "participants_standard",
                *(f"{modality}.{table}" for modality in MODALITIES
                  for table in ("features", "quality")),
            ],
            outputs=list(nodes.OUTPUTS),
            name="climb_ladder",
        ),
    ),
    tables=tuple(nodes.OUTPUTS.values()),
    present=present.present_ladder,
    present_inputs=(
        "integration.ladder_rungs", "integration.ladder_comparisons",
        "integration.ladder_choice", "integration.ladder_ranks",
        "integration.ladder_retrieval",
    ),
    claims=(
        Claims(
            "integration.ladder_choice", "ladder over late fusion", "what inner folds choose",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=score.ONE_TEST,
        ),
        Claims(
            "integration.ladder_comparisons", "rung over late fusion", "{rung} over {reference}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=score.HOLM,
            secondary=_is_secondary,
        ),
    ),
    drawings=(
        Drawing(
            "ladder", figures.draw_ladder,
            ("integration.ladder_rungs", "integration.ladder_comparisons",
             "integration.ladder_choice"),
        ),
    ),
)  # fmt: skip
