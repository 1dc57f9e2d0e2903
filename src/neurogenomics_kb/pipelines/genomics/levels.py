"""What the recipe's strategy cards ask of the genomics pipeline."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.pooling import Pooling
from neurogenomics_kb.genome.regulatory import RegulatoryWindow
from neurogenomics_kb.registry import EmbeddingStrategy
from neurogenomics_kb.registry.cards.strategies import DOSAGE
from neurogenomics_kb.registry.recipe import Recipe


def gene_strategies(recipe: Recipe) -> dict[str, EmbeddingStrategy]:
    """Blocks of the recipe, and their rivals, that an encoder of sequences makes."""
    return {
        name: strategy
        for name, strategy in recipe.strategies.items()
        if strategy.modality == "genomics" and strategy.encoder
    }


def gene_encoders(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Spec of each encoder, with the pooling of tokens that its strategies' exon level states.

    Raises
    ------
    InputError
        If two blocks want different pooling of one encoder.
    """
    specs = {}
    for name, strategy in gene_strategies(recipe).items():
        encoder = strategy.encoder
        spec = dict(recipe.encoders[encoder])
        exon = _pooling(strategy, "exon") or _pooling(strategy, "window")
        if exon is not None and exon != spec.get("pooling", "mean"):
            spec["pooling"] = exon
        _agree(specs, encoder, spec, name)
    return specs


def gene_pooling(recipe: Recipe) -> dict[str, Pooling]:
    """How each encoder's exons are pooled into genes and subjects.

    Raises
    ------
    InputError
        If two blocks want different pooling of one encoder.
    """
    found: dict[str, tuple[Pooling, str | None]] = {}
    for name, strategy in gene_strategies(recipe).items():
        pooling = Pooling(
            gene=_pooling(strategy, "gene") or "mean",
            subject=_pooling(strategy, "subject") or "concatenate",
        )
        # One vector of all genes depends on which genes these are.
        genes = None if pooling.subject == "concatenate" else strategy.gene_set
        _agree(found, strategy.encoder, (pooling, genes), name)
    return {encoder: pooling for encoder, (pooling, _) in found.items()}


def regulatory_window(recipe: Recipe) -> RegulatoryWindow | None:
    """Window around transcription start sites that the blocks are made of; None for exons.

    Raises
    ------
    InputError
        If blocks want different regions: sequences of one run are cut once.
    """
    wanted = {}
    for name, strategy in gene_strategies(recipe).items():
        level = next((e for e in strategy.levels if e.level == "window"), None)
        sizes = ("flank", "bases", "overlap")
        wanted[name] = level and RegulatoryWindow(
            **{size: getattr(level, size) for size in sizes if getattr(level, size) is not None}
        )
    if len(set(wanted.values())) > 1:
        raise InputError(
            f"blocks {listing(wanted)} are made of different regions",
            remedy="Run exons and windows as two experiments.",
        )
    return next(iter(wanted.values()), None)


def wanted_genes(recipe: Recipe, listed: list[str] | None) -> list[str] | None:
    """Genes to cut sequences of: those that are listed, or else those of the gene sets.

    None is every gene of the annotation, which one strategy without a gene set already needs.
    """
    sets = [strategy.gene_set for strategy in gene_strategies(recipe).values()]
    if listed is not None or not sets or None in sets:
        return listed
    return list(dict.fromkeys(gene for name in sets for gene in recipe.gene_sets[name]))


def counts_alleles(recipe: Recipe) -> bool:
    """Whether a block or a rival consists of dosages."""
    return any(
        strategy.modality == "genomics" and DOSAGE in strategy.features
        for strategy in recipe.strategies.values()
    )


def _pooling(strategy: EmbeddingStrategy, level: str) -> str | None:
    return next((e.pooling for e in strategy.levels if e.level == level), None)


def _agree(found: dict[str, Any], encoder: str, wanted: Any, block: str) -> None:
    if found.setdefault(encoder, wanted) != wanted:
        raise InputError(
            f"block '{block}' pools '{encoder}' otherwise than another block of this experiment",
            remedy="Run them as two experiments.",
        )
