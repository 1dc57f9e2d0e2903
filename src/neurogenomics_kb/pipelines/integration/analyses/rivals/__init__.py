"""What blocks from encoders add to their rivals: cheap features, and the encoder untrained."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims, Drawing
from neurogenomics_kb.pipelines.integration.analyses.rivals import figures, nodes, present, tables
from neurogenomics_kb.pipelines.integration.analyses.rivals.judge import LABEL, SOURCE
from neurogenomics_kb.pipelines.integration.analyses.rivals.lines import ADJUSTMENT
from neurogenomics_kb.pipelines.integration.design import first_algorithm


def _by_the_first_algorithm(recipe, row) -> bool:
    """Whether it is what the verdict speaks of."""
    return row["algorithm"] == first_algorithm(recipe)


def _first(recipe) -> dict[str, str]:
    """The first algorithm."""
    return {"algorithm": first_algorithm(recipe)}


ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.compare_rivals,
            inputs=[
                "recipe", "cohort", "participants_standard", "folds", "projections", "comparisons",
                *(f"{modality}.features" for modality in nodes.MODALITIES),
            ],
            outputs="rivals",
            name="compare_rivals",
        ),
        Node(
            nodes.judge_models,
            inputs=["recipe", "cohort", "rivals", "tests"],
            outputs="model_verdicts",
            name="judge_models",
        ),
    ),
    tables=(tables.RIVALS, tables.VERDICTS),
    present=present.present_rivals,
    present_inputs=("integration.rivals", "integration.model_verdicts"),
    claims=(
        Claims(
            "integration.rivals", SOURCE, LABEL, p_raw="p_raw", p_adjusted="p_adjusted",
            adjustment=ADJUSTMENT, secondary=_by_the_first_algorithm, usual=_first,
        ),
    ),
    drawings=(Drawing("rivals", figures.draw_rivals, ("integration.rivals",)),),
)  # fmt: skip
