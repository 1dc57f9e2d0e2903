"""Recipes of a few fields, for modality pipelines that read no more of them."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.registry.cards import EmbeddingStrategy, PreprocessingPipeline
from neurogenomics_kb.registry.cards.rivals import Rival
from neurogenomics_kb.registry.cards.strategies import Level
from neurogenomics_kb.registry.recipe import Recipe


def partial_recipe(
    blocks: dict[str, Any] | None = None,
    encoders: dict[str, dict[str, Any]] | None = None,
    gene_sets: dict[str, list[str]] | None = None,
    acquisitions: dict[str, Any] | None = None,
    rivals: dict[str, Any] | None = None,
) -> Recipe:
    """Recipe with strategies given as mappings; what is not given is empty."""

    def strategy(name: str, body: Any) -> EmbeddingStrategy:
        if isinstance(body, EmbeddingStrategy):
            return body
        levels = [Level.model_validate(level) for level in body.get("levels", [])]
        return EmbeddingStrategy.model_construct(
            **{"id": f"{name}_v1", "title": "", **body, "levels": levels}
        )

    def acquisition(body: Any) -> PreprocessingPipeline:
        if isinstance(body, PreprocessingPipeline):
            return body
        return PreprocessingPipeline.model_validate(body)

    return Recipe.model_construct(
        blocks={name: strategy(name, body) for name, body in (blocks or {}).items()},
        encoders=encoders or {},
        gene_sets=gene_sets or {},
        acquisitions={name: acquisition(body) for name, body in (acquisitions or {}).items()},
        rivals={
            name: Rival.model_construct(of="", kind="rival", strategy=strategy(name, body))
            for name, body in (rivals or {}).items()
        },
    )
