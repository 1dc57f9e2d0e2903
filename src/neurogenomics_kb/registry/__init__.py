"""Knowledge base: typed cards, their store, validation, disclosure control."""

from neurogenomics_kb.registry.cards import (
    DatasetCard,
    EmbeddingStrategy,
    Experiment,
    HarmonizationMethod,
    ModelCard,
    ResultCard,
)
from neurogenomics_kb.registry.registry import Registry

__all__ = [
    "DatasetCard",
    "EmbeddingStrategy",
    "Experiment",
    "HarmonizationMethod",
    "ModelCard",
    "Registry",
    "ResultCard",
]
