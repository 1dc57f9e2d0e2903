"""Typed cards. A field that a model does not know is an error, so a typo cannot pass silently."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=120)]
Modality = Literal["genomics", "smri", "fmri", "eeg", "behaviour"]
Status = Literal["ready", "planned"]


class Strict(BaseModel):
    """Base of everything on a card."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Card(Strict):
    """What every card has.

    Parameters
    ----------
    id : str
        Unique over the knowledge base.
    title : str
    status : {"ready", "planned"}
        A planned card cannot run; `reason` says why.
    sources : list of str
        Where its facts come from: DOI, repository and file, documentation page.
    """

    type_name: ClassVar[str] = "card"

    id: Identifier
    title: str = ""
    status: Status = "ready"
    reason: str = ""
    sources: list[str] = []
    notes: str = ""

    @model_validator(mode="after")
    def _planned_says_why(self):
        if self.status == "planned" and not self.reason:
            raise ValueError("a planned card needs a `reason`")
        return self

    @property
    def content_hash(self) -> str:
        """Fingerprint of everything on the card."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- embedding strategies -------------------------------------------------------------------------


class Impute(Strict):
    """Fill missing values from training subjects."""

    step: Literal["impute"]
    method: Literal["median", "mean"] = "median"


class DropNearConstant(Strict):
    """Drop features on which almost all training subjects agree, as a minor-allele filter does."""

    step: Literal["drop_near_constant"]
    min_different: int = Field(5, ge=1, description="training subjects off the commonest value")


class ZScore(Strict):
    """Centre and scale by training subjects."""

    step: Literal["zscore"]


class Residualize(Strict):
    """Regress confounds out; `optional` ones are used where the cohort has them."""

    step: Literal["residualize"]
    confounds: list[str] = Field(min_length=1)
    optional: list[str] = []
    categorical: list[str] = []
    unseen: Literal["error", "reference", "estimate_unlabelled"] = "error"


Step = Annotated[
    Impute | DropNearConstant | ZScore | Residualize,
    Field(discriminator="step"),
]


class PCAProjector(Strict):
    """Principal components; the effective dimension is also bounded by rank and sample size."""

    type: Literal["pca"]
    dim: int = Field(ge=1)


class NoProjector(Strict):
    """Features are used as they are."""

    type: Literal["none"]


Projector = Annotated[PCAProjector | NoProjector, Field(discriminator="type")]


class EmbeddingStrategy(Card):
    """How one block is made from a modality's features.

    Parameters
    ----------
    modality : str
    encoder : str, optional
        Model card whose embeddings are the features; `features` then defaults to its id.
    features : list of str
        Feature groups of the modality's table that are used.
    preprocessing : list of steps
        Applied in this order, each fitted in the training fold.
    projector : mapping
    """

    type_name: ClassVar[str] = "embedding_strategy"

    modality: Modality
    dataset: str | None = None
    encoder: str | None = None
    features: list[str] = []
    preprocessing: list[Step] = []
    projector: Projector = NoProjector(type="none")
    discovery_sample: str = ""

    @model_validator(mode="after")
    def _has_features(self):
        if not self.features and self.encoder is None:
            raise ValueError("name `features` (groups of the modality's table) or an `encoder`")
        if self.encoder is not None and self.features:
            raise ValueError("an `encoder` names its features itself; leave `features` out")
        return self

    @property
    def groups(self) -> list[str]:
        """Feature groups that the block consists of."""
        return [self.encoder] if self.encoder else list(self.features)

    @property
    def confounds(self) -> list[str]:
        """Required confounds of all residualize steps."""
        return unique(c for s in self.preprocessing if s.step == "residualize" for c in s.confounds)

    @property
    def optional_confounds(self) -> list[str]:
        """Confounds that are used where the cohort has them."""
        return unique(c for s in self.preprocessing if s.step == "residualize" for c in s.optional)

    @property
    def categorical_confounds(self) -> list[str]:
        """Numeric confounds that hold codes."""
        return unique(
            c for s in self.preprocessing if s.step == "residualize" for c in s.categorical
        )


class HarmonizationMethod(Card):
    """Removal of site effects, inserted before the first z-score of the blocks it applies to."""

    type_name: ClassVar[str] = "harmonization"

    method: Literal["none", "combat", "external"] = "none"
    modalities: list[Modality] = []
    batch: str = "site"
    preserve: list[str] = []
    parametric: bool = True
    unseen: Literal["error", "reference", "estimate_unlabelled"] = "error"

    @model_validator(mode="after")
    def _external_is_planned(self):
        if self.method == "external" and self.status == "ready":
            raise ValueError("method 'external' runs outside this project; set status: planned")
        return self


class ModelCard(Card):
    """An encoder or predictor, with the specification that loads it."""

    type_name: ClassVar[str] = "model"

    modality: Modality | Literal["multimodal", "tabular"]
    spec: dict[str, Any] = {}
    license: str = ""
    description: str = ""


# --- datasets -------------------------------------------------------------------------------------


class Column(Strict):
    """A source column: what it is called here, what it may hold.

    Parameters
    ----------
    name : str
        Canonical name.
    type : {"number", "category", "binary", "text"}
    unit : str
    range : tuple of float
        Inclusive; values outside are an error.
    levels : mapping
        Source value to canonical value. For ``binary`` the canonical values are 0 and 1.
    """

    name: str
    type: Literal["number", "category", "binary", "text"] = "number"
    unit: str = ""
    range: tuple[float, float] | None = None
    levels: dict[str, str | int] = {}
    role: Literal["id", "confound", "outcome", "group", "site", "batch", "feature", "other"] = (
        "other"
    )
    description: str = ""

    @field_validator("levels", mode="before")
    @classmethod
    def _text_keys(cls, value):
        if not isinstance(value, dict):
            return value
        for key in value:
            if isinstance(key, bool):
                raise ValueError("quote level names such as 'yes', 'no', 'on', 'off'")
        return {str(k): v for k, v in value.items()}


class Table(Strict):
    """A raw table of a dataset and the columns taken from it."""

    file: str
    id_column: str = "participant_id"
    columns: dict[str, Column] = {}


class DatasetCard(Card):
    """A cohort: licence, size, and what raw columns mean."""

    type_name: ClassVar[str] = "dataset"

    cohort: Identifier
    license: str = ""
    attribution: str = ""
    access: str = ""
    n_subjects: int | None = Field(None, ge=0)
    modalities: list[Modality] = []
    tables: dict[str, Table] = {}


# --- experiments ----------------------------------------------------------------------------------


class Folds(Strict):
    """Cross-validation design."""

    scheme: Literal["stratified", "grouped", "stratified_grouped", "leave_site_out"] = "stratified"
    n_splits: int = Field(5, ge=3)
    group: str | None = None
    seed: int = 42

    @model_validator(mode="after")
    def _group_given(self):
        if self.scheme != "stratified" and self.group is None:
            raise ValueError(f"scheme '{self.scheme}' needs a `group` column")
        return self


Analysis = Literal["cca", "prediction", "logo", "partial_correlations", "audit"]


class ExchangeabilityLevel(Strict):
    """A level of nesting for permutations: site, family, child.

    Parameters
    ----------
    column : str
        Canonical column whose values are the units of this level.
    exchange : bool
        Whether units of equal structure change places inside their outer unit.
    """

    column: str
    exchange: bool = True


class Experiment(Strict):
    """Card ids and a few numbers: everything a run needs beside the cohort.

    Parameters
    ----------
    id : str
    blocks : dict of str to str
        Block name to embedding strategy id.
    dataset : str, optional
        Dataset card; by default the one of the environment's cohort, so that an experiment runs on
        any cohort that has its columns.
    harmonization : str
    outcome : str
        Canonical column; binary outcomes are classified, numbers regressed.
    associations : list of str
        Further outcomes for the partial correlations.
    folds : Folds
    analyses : list of str
    algorithms : list of {"linear", "xgboost"}
    n_permutations : int
    n_components : int
    statistic : {"wilks", "roy"}
    exchangeability : str or list of ExchangeabilityLevel, optional
        Column whose levels (families) are permuted as wholes, or nested levels, outermost first.
    exchange_rows : bool
        Whether rows inside an innermost unit change places; false for visits in order of time.
    regularisation : {"none", "pca", "ridge"}
        Choose the dimension or a ridge penalty of the canonical correlation inside the permutation
        loop; ``"none"`` takes the dimensions of the cards.
    regularisation_grid : list of float, optional
        Dimensions, or penalties relative to the mean squared singular value.
    normal_scores : bool
        Rank-based inverse-normal transform of all features before canonical correlation.
    n_bootstraps : int
        Resamples for the stability of the axes; 0 leaves stability out.
    subjects_per_dimension : float
        Bounds the dimension of all blocks together: N / (p + q).
    missing_confounds : {"error", "drop"}
    attribution_block : str, optional
        Block for leave-one-group-out; the first by default.
    rope : float
        Difference that is practically nothing, in units of the primary metric.
    alpha : float
    seed : int
    """

    id: Identifier
    blocks: dict[Identifier, Identifier] = Field(min_length=1)
    dataset: Identifier | None = None
    harmonization: Identifier = "none_baseline"
    outcome: str
    associations: list[str] = []
    folds: Folds = Folds()
    analyses: list[Analysis] = ["cca", "prediction"]
    algorithms: list[Literal["linear", "xgboost"]] = ["linear", "xgboost"]
    n_permutations: int = Field(1000, ge=19)
    n_components: int = Field(3, ge=1)
    statistic: Literal["wilks", "roy"] = "wilks"
    exchangeability: str | list[ExchangeabilityLevel] | None = None
    exchange_rows: bool = True
    regularisation: Literal["none", "pca", "ridge"] = "none"
    regularisation_grid: list[float] | None = None
    normal_scores: bool = False
    n_bootstraps: int = Field(100, ge=0)
    subjects_per_dimension: float = Field(10.0, ge=2)
    missing_confounds: Literal["error", "drop"] = "error"
    attribution_block: str | None = None
    rope: float = Field(0.01, ge=0)
    alpha: float = Field(0.05, gt=0, lt=1)
    seed: int = 42

    @model_validator(mode="after")
    def _consistent(self):
        for name in self.blocks:
            if name in ("covariates", "fusion") or name.endswith("_covariates"):
                raise ValueError(f"block name {name!r} is taken by a model")
        if self.attribution_block is not None and self.attribution_block not in self.blocks:
            raise ValueError(
                f"attribution_block {self.attribution_block!r} is not among {sorted(self.blocks)}"
            )
        if "cca" in self.analyses and len(self.blocks) < 2:
            raise ValueError("cca needs two blocks")
        if "partial_correlations" in self.analyses and "cca" not in self.analyses:
            raise ValueError("partial_correlations uses the axes of cca; add cca to analyses")
        return self

    @property
    def exchangeability_levels(self) -> list[ExchangeabilityLevel]:
        """Nested levels, outermost first; empty where rows are free."""
        if self.exchangeability is None:
            return []
        if isinstance(self.exchangeability, str):
            return [ExchangeabilityLevel(column=self.exchangeability)]
        return self.exchangeability

    @property
    def cluster_column(self) -> str | None:
        """Column of the outermost units that are exchangeable: families, or children."""
        return next((level.column for level in self.exchangeability_levels if level.exchange), None)


# --- results --------------------------------------------------------------------------------------


class ResultCard(Card):
    """What one run found: aggregates, with everything needed to repeat it."""

    type_name: ClassVar[str] = "result"

    experiment: str
    cohort: str
    created: str
    cards: dict[str, str]
    n_subjects: int
    sample_flow: list[dict[str, Any]]
    folds: dict[str, Any]
    dimensions: list[dict[str, Any]] = []
    cca: list[dict[str, Any]] = []
    metrics: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    attribution: list[dict[str, Any]] = []
    associations: list[dict[str, Any]] = []
    decision: dict[str, Any] = {}
    tests: dict[str, Any] = {}
    audit: dict[str, Any] = {}
    warnings: list[str] = []
    parameters: dict[str, Any] = {}
    data_fingerprints: dict[str, str] = {}
    mlflow_run_id: str | None = None
    code_version: str = ""


CARD_TYPES: dict[str, type[Card]] = {
    model.type_name: model
    for model in (DatasetCard, EmbeddingStrategy, HarmonizationMethod, ModelCard, ResultCard)
}


def unique(items) -> list:
    """Items in order of first appearance."""
    return list(dict.fromkeys(items))


def is_versioned(card_id: str) -> bool:
    """Whether an id ends in ``_v<number>``, so that its card may not change once published."""
    return re.search(r"_v\d+$", card_id) is not None
