"""Nodes of the clinical pipeline."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.language.imported import vector_features
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.clinical.parameters import ClinicalEmbeddings, ClinicalQuality
from neurogenomics_kb.pipelines.quality import keep_included, quality_table
from neurogenomics_kb.registry.cards import unique
from neurogenomics_kb.registry.recipe import Recipe

FILE = "clinical.embeddings"


def import_vectors(
    embeddings: dict[str, Callable[[], pd.DataFrame]],
    recipe: Recipe,
    parameters: ClinicalEmbeddings,
    quality: ClinicalQuality,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Vectors of the models that the recipe's blocks name, and who has all of them.

    Parameters
    ----------
    embeddings : dict of str to callable
        Readers of tables by model card.
    recipe : Recipe
        The experiment with every card that it names.
    parameters : ClinicalEmbeddings
        Columns of the tables.
    quality : ClinicalQuality
        Whom to leave out by hand.

    Raises
    ------
    InputError
        If a model has no table.
    """
    blocks = [s for s in recipe.blocks.values() if s.modality == "clinical"]
    models = unique(group for strategy in blocks for group in strategy.groups)
    if is_absent(embeddings) or not models:
        return empty_table(), empty_table()
    parts = {}
    for model in models:
        if model not in embeddings:
            raise InputError(
                f"there are no embeddings of '{model}'{nearest(model, embeddings)}",
                file=FILE,
                remedy=f"Put {model}.parquet (or .tsv, .csv) into the folder; it has "
                f"{listing(embeddings) or 'none'}.",
            )
        parts[model] = vector_features(
            embeddings[model](), model, file=f"{FILE}: {model}", **parameters.model_dump()
        )
    people = pd.Index(unique(p for part in parts.values() for p in part.index), name=SUBJECT)
    vectors = pd.concat([part.reindex(people) for part in parts.values()], axis=1)
    failures = {
        f"no vector of {model}": part.reindex(people).isna().all(axis=1)
        for model, part in parts.items()
    }
    metrics = pd.DataFrame(index=people)
    checked = quality_table("clinical", metrics, failures, quality.exclude)
    return checked, keep_included(vectors, checked)
