"""What the recipe's strategy cards ask of the genomics pipeline."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.genome.pooling import Pooling


def gene_strategies(recipe: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Blocks of the recipe that an encoder of sequences makes."""
    return {
        name: strategy
        for name, strategy in recipe["blocks"].items()
        if strategy["modality"] == "genomics" and strategy.get("encoder")
    }


def gene_encoders(recipe: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Spec of each encoder, with the pooling of tokens that its strategies' exon level states.

    Raises
    ------
    InputError
        If two blocks want different pooling of one encoder.
    """
    specs = {}
    for name, strategy in gene_strategies(recipe).items():
        encoder = strategy["encoder"]
        spec = dict(recipe["encoders"][encoder])
        exon = _pooling(strategy, "exon")
        if exon is not None and exon != spec.get("pooling", "mean"):
            spec["pooling"] = exon
        _agree(specs, encoder, spec, name)
    return specs


def gene_pooling(recipe: dict[str, Any]) -> dict[str, Pooling]:
    """How each encoder's exons are pooled into genes and subjects.

    Raises
    ------
    InputError
        If two blocks want different pooling of one encoder.
    """
    found: dict[str, Pooling] = {}
    for name, strategy in gene_strategies(recipe).items():
        pooling = Pooling(
            gene=_pooling(strategy, "gene") or "mean",
            subject=_pooling(strategy, "subject") or "concatenate",
        )
        _agree(found, strategy["encoder"], pooling, name)
    return found


def _pooling(strategy: dict[str, Any], level: str) -> str | None:
    return next((e["pooling"] for e in strategy.get("levels", []) if e["level"] == level), None)


def _agree(found: dict[str, Any], encoder: str, wanted: Any, block: str) -> None:
    if found.setdefault(encoder, wanted) != wanted:
        raise InputError(
            f"block '{block}' pools '{encoder}' otherwise than another block of this experiment",
            remedy="Run them as two experiments.",
        )
