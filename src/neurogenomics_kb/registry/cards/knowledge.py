"""What is known of models, papers, principles and hubs, each fact with its source."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from neurogenomics_kb.registry.cards.base import (
    Card,
    Fact,
    Modality,
    ModelId,
    PaperId,
    StrategyId,
    Strict,
)


class WalkthroughStep(Strict):
    """A place in the original repository that a reader should open.

    Parameters
    ----------
    step : str
    file : str
        Path in the repository.
    symbol : str
        Class, function or setting in it.
    does : str
    verified : bool
        Whether the place was opened for this card.
    """

    step: str
    file: str = ""
    symbol: str = ""
    does: str = ""
    verified: bool = False


class ModelCard(Card):
    """An encoder, predictor, language model or hub.

    Parameters
    ----------
    modality : str
    kind : {"encoder", "predictor", "language", "hub"}
    spec : mapping
        What `load_encoder` loads; empty for models that are only described.
    license, description, repository : str
    paper : str, optional
        Paper card.
    facts : dict of str to Fact
    walkthrough : list of WalkthroughStep
    """

    type_name: ClassVar[str] = "model"
    place: ClassVar[str] = "model_cards"
    heading: ClassVar[str] = "Models"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "modality": "fmri",
        "kind": "encoder",
        "description": "…",
        "status": "planned",
        "reason": "…",
        "facts": {"architecture": {"value": "…", "source": "doi:…", "verified": False}},
    }

    modality: Literal[Modality, "multimodal", "tabular"]
    kind: Literal["encoder", "predictor", "language", "hub"] = "encoder"
    spec: dict[str, Any] = {}
    license: str = ""
    description: str = ""
    repository: str = ""
    paper: PaperId | None = None
    facts: dict[str, Fact] = {}
    walkthrough: list[WalkthroughStep] = []


class Bibliography(Strict):
    """Where title, authors and year were looked up."""

    source: str = Field(min_length=3)
    verified: bool = False
    note: str = ""


class PaperCard(Card):
    """A paper in our own words: what it shows, what follows for this project, what it leaves open.

    Parameters
    ----------
    authors : list of str
        Complete and in order.
    year : int
    venue, doi, arxiv, url : str
    kind : {"model", "method", "principle", "prior_work", "guide", "resource"}
    bibliography : Bibliography
    summary, relevance, limits : str
    findings : list of Fact
    models : list of str
        Model cards that it describes.
    code : list of str
        Files of this project that implement it.
    """

    type_name: ClassVar[str] = "paper"
    place: ClassVar[str] = "paper_cards"
    heading: ClassVar[str] = "Papers"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "Title as published",
        "authors": ["First Last"],
        "year": 2000,
        "kind": "method",
        "bibliography": {"source": "doi:…", "verified": False},
        "summary": "…",
        "findings": [{"value": "…", "source": "doi:…", "verified": False}],
    }

    title: str = Field(min_length=5)
    authors: list[str] = Field(min_length=1)
    year: int = Field(ge=1900, le=2100)
    venue: str = ""
    doi: str = Field("", pattern=r"^(10\.\d{4,}/\S+)?$")
    arxiv: str = Field("", pattern=r"^(\d{4}\.\d{4,5})?$")
    url: str = ""
    kind: Literal["model", "method", "principle", "prior_work", "guide", "resource"]
    bibliography: Bibliography
    summary: str
    findings: list[Fact] = []
    relevance: str = ""
    limits: str = ""
    models: list[ModelId] = []
    code: list[str] = []


class AlignmentStrategy(Card):
    """How embeddings of several modalities are to be brought into the space of a hub.

    Parameters
    ----------
    hub : str
        Model card of the hub.
    inputs : list of str
        Embedding strategies.
    stage : {"two_tower_contrastive", "stacking", "hub_tokens", "language_bridge"}
        Stage of the escalation rule that it belongs to.
    objective : str
    controls : list of str
        What must be shown before a gain is believed.
    """

    type_name: ClassVar[str] = "alignment"
    place: ClassVar[str] = "integration_cards/alignment_strategies.yaml"
    heading: ClassVar[str] = "Alignment strategies"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "inputs": ["smri_free_surfer_pca512_v1"],
        "stage": "two_tower_contrastive",
        "objective": "…",
        "status": "planned",
        "reason": "…",
    }

    hub: ModelId | None = None
    inputs: list[StrategyId] = Field(min_length=1)
    stage: Literal["two_tower_contrastive", "stacking", "hub_tokens", "language_bridge"]
    objective: str
    controls: list[str] = []
    papers: list[PaperId] = []


class IntegrationPrinciple(Card):
    """A rule this project follows, why, and where the code keeps it.

    Parameters
    ----------
    statement, rationale : str
    papers : list of str
    code : list of str
        Files that implement it.
    """

    type_name: ClassVar[str] = "principle"
    place: ClassVar[str] = "integration_cards/integration_principles.yaml"
    heading: ClassVar[str] = "Integration principles"
    skeleton: ClassVar[dict[str, Any]] = {"title": "…", "statement": "…", "rationale": "…"}

    statement: str
    rationale: str
    papers: list[PaperId] = []
    code: list[str] = []
