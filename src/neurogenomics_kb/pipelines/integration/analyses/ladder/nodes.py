"""Node of the ladder."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration import cohort as assembly
from neurogenomics_kb.pipelines.integration.analyses.ladder import climb, pairs, score, tables
from neurogenomics_kb.pipelines.integration.analyses.ladder.people import People
from neurogenomics_kb.pipelines.integration.partitions import Lazily, Partitions, load_blocks
from neurogenomics_kb.registry.recipe import Recipe

OUTPUTS = {
    "ladder_predictions": tables.PREDICTIONS,
    "ladder_rungs": tables.RUNGS,
    "ladder_comparisons": tables.COMPARISONS,
    "ladder_choice": tables.CHOICE,
    "ladder_training": tables.TRAINING,
    "ladder_ranks": tables.RANKS,
    "ladder_retrieval": tables.RETRIEVAL,
}


def climb_ladder(
    recipe: Recipe,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    projections: Partitions,
    blocks: Partitions,
    participants: pd.DataFrame,
    *modalities: pd.DataFrame,
) -> list[pd.DataFrame]:
    """Every rung on the folds of the run, and what inner folds choose among them.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort, folds : DataFrame
        Analysed people and their folds.
    projections, blocks : partitions
        Blocks as folds see them, and raw.
    participants : DataFrame
        Everybody, under canonical names.
    *modalities : DataFrame
        Features and quality of every modality, in turn.
    """
    if "ladder" not in recipe.experiment.analyses:
        return [contract.empty() for contract in OUTPUTS.values()]
    present = load_blocks(recipe, blocks)
    if len(present) < 2:
        return [contract.empty() for contract in OUTPUTS.values()]
    names = dict.fromkeys(s.modality for s in recipe.blocks.values())
    features = dict(zip(assembly.MODALITIES, modalities[0::2], strict=True))
    quality = dict(zip(assembly.MODALITIES, modalities[1::2], strict=True))
    others, beside = pd.DataFrame(), {}
    if any(card.rung.reads_unlabelled for card in recipe.rungs.values()):
        others, beside = assembly.assemble_unlabelled(
            recipe, participants, {m: features[m] for m in names}, {m: quality[m] for m in names}
        )
    people = People(cohort, present, others, beside)
    first = pd.DataFrame(folds).iloc[:, 0]
    climbed = climb.climb(recipe, people, first, Lazily(projections))
    return [
        pd.concat(climbed.predictions),
        score.score_rungs(recipe, cohort, climbed),
        score.compare_rungs(recipe, cohort, climbed),
        score.judge_choice(recipe, cohort, climbed),
        score.training_curves(climbed),
        score.mean_ranks(climbed),
        pairs.find_pairs(recipe, cohort, climbed),
    ]
