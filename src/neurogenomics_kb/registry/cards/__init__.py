"""Typed cards. A field that a model does not know is an error, so a typo cannot pass silently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from neurogenomics_kb.foundation.choices import Choices
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
from neurogenomics_kb.registry.cards.confounds import ConfoundForms, ConfoundSet
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
    PretrainingCohorts,
)
from neurogenomics_kb.registry.cards.predictors import PredictorCard
from neurogenomics_kb.registry.cards.preprocessing import PreprocessingPipeline
from neurogenomics_kb.registry.cards.results import DecisionCard, Evidence, ResultCard
from neurogenomics_kb.registry.cards.strategies import (
    EmbeddingStrategy,
    FusionStrategy,
)
from neurogenomics_kb.registry.cards.texts import TextSet

# A new card type is a module with its class, a line here, and its schema (`kedro kb schema`).
CARD_TYPES: Choices[type[Card]] = Choices(
    "card type",
    {
        model.type_name: model
        for model in (
            DatasetCard,
            ModelCard,
            PaperCard,
            EmbeddingStrategy,
            ConfoundSet,
            FusionStrategy,
            GeneSet,
            Instrument,
            TextSet,
            HarmonizationMethod,
            PredictorCard,
            PreprocessingPipeline,
            AlignmentStrategy,
            IntegrationPrinciple,
            Experiment,
            DecisionCard,
            ResultCard,
        )
    },
)


class _Layout(Mapping[str, str]):
    """Where each card type lives, types without a place left out."""

    def __getitem__(self, type_name: str) -> str:
        return CARD_TYPES[type_name].place

    def __iter__(self) -> Iterator[str]:
        return (name for name, model in CARD_TYPES.items() if model.place)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, type_name: object) -> bool:
        return type_name in list(self)


LAYOUT = _Layout()

__all__ = [
    "CARD_TYPES",
    "LAYOUT",
    "SCHEMA_VERSION",
    "AlignmentStrategy",
    "Card",
    "Column",
    "ConfoundForms",
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
    "PredictorCard",
    "PreprocessingPipeline",
    "PretrainingCohorts",
    "ResultCard",
    "Strict",
    "Table",
    "TextSet",
    "Visits",
    "is_versioned",
    "unique",
]
