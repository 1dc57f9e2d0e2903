"""Typed cards. A field that a model does not know is an error, so a typo cannot pass silently."""

from __future__ import annotations

from typing import NamedTuple

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


class Kind(NamedTuple):
    """A type of card: its model, where its cards lie, what they are called together.

    Attributes
    ----------
    model : type
    place : str
        Below ``kb/``: a folder with one file per card, or one file with many cards by id. Empty for
        experiments, which are Kedro run configurations outside of it.
    heading : str
        Of the type's page in the catalogue.
    """

    model: type[Card]
    place: str
    heading: str


# A new type is its model, a line here and a skeleton in `registry.drafts`.
KINDS = (
    Kind(DatasetCard, "datasets", "Datasets"),
    Kind(ModelCard, "model_cards", "Models"),
    Kind(PaperCard, "paper_cards", "Papers"),
    Kind(EmbeddingStrategy, "integration_cards/embedding_strategies.yaml", "Embedding strategies"),
    Kind(ConfoundSet, "integration_cards/confound_sets.yaml", "Confound sets"),
    Kind(FusionStrategy, "integration_cards/fusion_strategies.yaml", "Fusion strategies"),
    Kind(GeneSet, "integration_cards/gene_sets.yaml", "Gene sets"),
    Kind(Instrument, "instruments", "Instruments"),
    Kind(HarmonizationMethod, "integration_cards/harmonization_methods.yaml", "Harmonization"),
    Kind(
        PreprocessingPipeline,
        "integration_cards/rsfmri_preprocessing_pipelines.yaml",
        "rs-fMRI preprocessing",
    ),
    Kind(AlignmentStrategy, "integration_cards/alignment_strategies.yaml", "Alignment strategies"),
    Kind(
        IntegrationPrinciple,
        "integration_cards/integration_principles.yaml",
        "Integration principles",
    ),
    Kind(Experiment, "", "Experiments"),
    Kind(DecisionCard, "decisions", "Decisions"),
    Kind(ResultCard, "results", "Results"),
)
CARD_TYPES: dict[str, type[Card]] = {kind.model.type_name: kind.model for kind in KINDS}
LAYOUT = {kind.model.type_name: kind.place for kind in KINDS if kind.place}
TITLES = {kind.model.type_name: kind.heading for kind in KINDS}

__all__ = [
    "CARD_TYPES",
    "KINDS",
    "LAYOUT",
    "SCHEMA_VERSION",
    "TITLES",
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
