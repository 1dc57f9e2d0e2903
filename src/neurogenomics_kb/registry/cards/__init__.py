"""Typed cards. A field that a model does not know is an error, so a typo cannot pass silently."""

from __future__ import annotations

from neurogenomics_kb.registry.cards.base import (
    SCHEMA_VERSION,
    Card,
    Fact,
    Identifier,
    Modality,
    Strict,
    is_versioned,
    unique,
)
from neurogenomics_kb.registry.cards.confounds import ConfoundSet
from neurogenomics_kb.registry.cards.datasets import Column, DatasetCard, Kinship, Table, Visits
from neurogenomics_kb.registry.cards.experiments import (
    ExchangeabilityLevel,
    Experiment,
    Folds,
)
from neurogenomics_kb.registry.cards.gene_sets import GeneSet
from neurogenomics_kb.registry.cards.harmonization import HarmonizationMethod
from neurogenomics_kb.registry.cards.instruments import Instrument
from neurogenomics_kb.registry.cards.knowledge import (
    AlignmentStrategy,
    IntegrationPrinciple,
    ModelCard,
    PaperCard,
)
from neurogenomics_kb.registry.cards.preprocessing import PreprocessingPipeline
from neurogenomics_kb.registry.cards.results import DecisionCard, Evidence, ResultCard
from neurogenomics_kb.registry.cards.strategies import (
    EmbeddingStrategy,
    FusionStrategy,
)

CARD_TYPES: dict[str, type[Card]] = {
    model.type_name: model
    for model in (
        DatasetCard,
        ModelCard,
        PaperCard,
        EmbeddingStrategy,
        ConfoundSet,
        FusionStrategy,
        GeneSet,
        HarmonizationMethod,
        Instrument,
        PreprocessingPipeline,
        AlignmentStrategy,
        IntegrationPrinciple,
        Experiment,
        DecisionCard,
        ResultCard,
    )
}

__all__ = [
    "CARD_TYPES",
    "SCHEMA_VERSION",
    "AlignmentStrategy",
    "Card",
    "Column",
    "ConfoundSet",
    "DatasetCard",
    "DecisionCard",
    "EmbeddingStrategy",
    "Evidence",
    "ExchangeabilityLevel",
    "Experiment",
    "Fact",
    "Folds",
    "FusionStrategy",
    "GeneSet",
    "HarmonizationMethod",
    "Identifier",
    "Instrument",
    "IntegrationPrinciple",
    "Kinship",
    "Modality",
    "ModelCard",
    "PaperCard",
    "PreprocessingPipeline",
    "ResultCard",
    "Strict",
    "Table",
    "Visits",
    "is_versioned",
    "unique",
]
