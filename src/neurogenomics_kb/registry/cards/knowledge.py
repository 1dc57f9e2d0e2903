"""What is known of models, papers, principles and hubs, each fact with its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.registry.cards.base import (
    Card,
    Fact,
    Modality,
    ModelId,
    PaperId,
    Source,
    StrategyId,
    Strict,
)
from neurogenomics_kb.registry.cards.bridges import Bridge
from neurogenomics_kb.registry.cards.predictors import PREDICTORS, PredictorCard
from neurogenomics_kb.registry.cards.rungs import Rung

# As environments write a cohort's id, so that the two can be compared.
CohortName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=60)]


class PretrainingCohorts(Strict):
    """Whose data an encoder was trained on: in these cohorts nobody is held out.

    Parameters
    ----------
    cohorts : list of str, or "unknown"
        Ids that environments and dataset cards use (``ukb``), and names of other cohorts. Empty for
        encoders that were trained on no person, or not trained at all.
    reason : str
        Why there are none, or why they are unknown.
    source : str
        Where it stands.
    verified : bool
        Whether it was looked up there for this card.
    note : str
        Which of the released weights it holds for, or where sources disagree.
    """

    cohorts: list[CohortName] | Literal["unknown"]
    reason: str = ""
    source: Source
    verified: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _none_needs_a_reason(self):
        if not self.known and not self.reason:
            raise ValueError("cohorts that are unknown need a `reason`")
        if self.known and not self.cohorts and not self.reason:
            raise ValueError("an empty list of cohorts needs a `reason`")
        if self.known and len(set(self.cohorts)) < len(self.cohorts):
            raise ValueError("a cohort stands there twice")
        return self

    @property
    def known(self) -> bool:
        """Whether somebody said whose data they were."""
        return self.cohorts != "unknown"


class WalkthroughStep(Strict):
    """A place in the original repository that a reader should open.

    Parameters
    ----------
    step : str
        What is looked at.
    file : str
        Path in the repository.
    symbol : str
        Class, function or setting in it.
    does : str
        What the code does there.
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
        Modality, such as smri.
    kind : {"encoder", "predictor", "language", "hub"}
        What the model is used for. Default encoder.
    spec : mapping
        What `load_encoder` loads; empty for models that are only described.
    license : str
        Of the code.
    weights_license : Fact, optional
        Of the released weights, which is often another; required where `spec` names weights.
    description, repository : str
        What it is in a few sentences, and where its code lies.
    commit : str
        Commit of the repository that `walkthrough` was read at; required where it names files.
    paper : str, optional
        Paper card.
    pretraining_cohorts : PretrainingCohorts, optional
        Required for encoders. A run on one of these cohorts warns.
    facts : dict of str to Fact
        Statements by name, each with its source.
    walkthrough : list of WalkthroughStep
        Where to read in its code.
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
        "pretraining_cohorts": {"cohorts": "unknown", "reason": "…", "source": "doi:…"},
        "facts": {"architecture": {"value": "…", "source": "doi:…", "verified": False}},
    }

    modality: Literal[Modality, "multimodal", "tabular"]
    kind: Literal["encoder", "predictor", "language", "hub"] = "encoder"
    spec: dict[str, Any] = {}
    license: str = ""
    weights_license: Fact | None = None
    description: str = ""
    repository: str = ""
    commit: str = Field("", pattern=r"^([0-9a-f]{40})?$")
    paper: PaperId | None = None
    pretraining_cohorts: PretrainingCohorts | None = None
    facts: dict[str, Fact] = {}
    walkthrough: list[WalkthroughStep] = []

    @model_validator(mode="after")
    def _says_what_its_kind_must(self):
        if self.kind == "encoder" and self.pretraining_cohorts is None:
            raise ValueError(
                "an encoder needs `pretraining_cohorts`: whose data it was trained on, an empty "
                "list with the `reason` where nobody's"
            )
        if self.spec.get("weights") and self.weights_license is None:
            raise ValueError(
                "`spec` names weights, so `weights_license` must say under which terms"
            )
        if any(step.file for step in self.walkthrough) and not self.commit:
            raise ValueError("`walkthrough` names files, so `commit` must say at which commit")
        return self


class Bibliography(Strict):
    """Where title, authors and year were looked up."""

    source: Source
    verified: bool = False
    note: str = ""


class PaperCard(Card):
    """A paper in our own words: what it shows, what follows for this project, what it leaves open.

    Parameters
    ----------
    authors : list of str
        Complete and in order.
    year : int
        Year of publication.
    venue, doi, arxiv, url : str
        Where it appeared; empty where it did not.
    kind : {"model", "method", "principle", "prior_work", "guide", "resource"}
        What the paper is to this project.
    bibliography : Bibliography
        Where authors and title were looked up.
    summary, relevance, limits : str
        What it says, what follows here, what it leaves open.
    findings : list of Fact
        What it found, each with its source.
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
    """A rung of the ladder beyond late fusion, or a bridge to language.

    Parameters
    ----------
    stage : {"stacking", "interaction", "two_tower_contrastive", "hub_tokens", "language_bridge"}
        Which rung it is.
    rung : mapping, optional
        ``type`` of the rung and its settings, see `registry.cards.rungs`; what an experiment runs
        that names the card under `ladder`.
    bridge : Bridge, optional
        Text encoder and texts of a bridge to language; what an experiment runs that names the card
        under `bridges`.
    inputs : list of str
        Embedding strategies that it is written for; by default all blocks of the experiment.
    hub : str, optional
        Model card of the hub.
    people : int, optional
        Analysed people below which a gain was not seen in simulations; the decision says so.
    objective : str
        What is optimised.
    controls : list of str
        What must be shown before a gain is believed.
    papers : list of str
        Papers that it rests on.
    """

    type_name: ClassVar[str] = "alignment"
    place: ClassVar[str] = "integration_cards/alignment_strategies.yaml"
    heading: ClassVar[str] = "Alignment strategies"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "stage": "stacking",
        "rung": {"type": "stacking", "bases": ["linear", "xgboost"]},
        "objective": "…",
    }

    stage: Literal[
        "stacking", "interaction", "two_tower_contrastive", "hub_tokens", "language_bridge"
    ]
    rung: Rung | None = None
    bridge: Bridge | None = None
    inputs: list[StrategyId] = []
    hub: ModelId | None = None
    people: int | None = Field(None, ge=1)
    objective: str
    controls: list[str] = []
    papers: list[PaperId] = []

    @model_validator(mode="after")
    def _ready_means_runnable(self):
        if self.status == "ready" and self.rung is None and self.stage != "language_bridge":
            raise ValueError("a rung that is ready needs `rung`: its type and settings")
        if self.bridge is not None and self.stage != "language_bridge":
            raise ValueError("`bridge` belongs to stage language_bridge")
        if self.status == "ready" and self.stage == "language_bridge" and self.bridge is None:
            raise ValueError("a ready language_bridge needs `bridge`: its encoder and texts")
        return self

    def references(self) -> Iterator[tuple[tuple, str, str]]:
        """Ids of other cards, predictors that are no type among them."""
        yield from super().references()
        for name in self.rung.predictors if self.rung else []:
            if name not in PREDICTORS:
                yield ("rung",), PredictorCard.type_name, name


class IntegrationPrinciple(Card):
    """A rule this project follows, why, and where the code keeps it.

    Parameters
    ----------
    statement, rationale : str
        The rule, and why.
    papers : list of str
        Papers that it rests on.
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
