"""How a block of features is made, and which blocks are predicted from together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.foundation.choices import Part, Parts
from neurogenomics_kb.registry.cards.base import (
    Card,
    ConfoundSetId,
    DatasetId,
    GeneSetId,
    Identifier,
    Modality,
    ModelId,
    PreprocessingId,
    StrategyId,
    Strict,
    unique,
)
from neurogenomics_kb.registry.cards.confounds import (
    ConfoundForms,
    ConfoundSet,
    Product,
    Splines,
    refuse_stray_forms,
)
from neurogenomics_kb.registry.cards.latent import (
    FactorProjector,
    MissingIndicators,
    Norms,
    check_missing_indicators,
)
from neurogenomics_kb.registry.cards.parts import ProjectorOptions, StepOptions


class Impute(StepOptions):
    """Fill missing values from training subjects."""

    step: Literal["impute"]
    method: Literal["median", "mean"] = "median"


class DropNearConstant(StepOptions):
    """Drop features on which almost all training subjects agree, as a minor-allele filter does."""

    step: Literal["drop_near_constant"]
    min_different: int = Field(5, ge=1, description="training subjects off the commonest value")


class ZScore(StepOptions):
    """Centre and scale by training subjects."""

    scales: ClassVar[bool] = True

    step: Literal["zscore"]


class Residualize(StepOptions):
    """Regress confounds out: those of a set, and what this strategy adds to it.

    Parameters
    ----------
    set : str, optional
        Confound set. What the knowledge base hands out has its confounds filled in below.
    confounds : list of str
        Canonical columns that a cohort must have.
    optional : list of str
        Columns that are used where the cohort has them.
    categorical : list of str
        Numeric columns that hold codes.
    smooth : dict of str to int
        Numbers whose effect may bend, with the number of B-splines (3 or more).
    products : list of (str, str)
        Pairs that act through one another, such as age and sex.
    unseen : {"error", "reference", "estimate_unlabelled"}
        What to do with a level that training subjects do not have.
    """

    step: Literal["residualize"]
    set: ConfoundSetId | None = None
    confounds: list[str] = []
    optional: list[str] = []
    categorical: list[str] = []
    smooth: dict[str, Splines] = {}
    products: list[Product] = []
    unseen: Literal["error", "reference", "estimate_unlabelled"] = "error"

    @model_validator(mode="after")
    def _names_confounds(self):
        if self.set is None:
            if not self.confounds:
                raise ValueError("name a `set` or `confounds`")
            refuse_stray_forms(self, self.confounds)
        return self

    def resolved(self, named: ConfoundSet) -> Residualize:
        """The step with the confounds of its set, which come first.

        Raises
        ------
        ValueError
            If the set is empty and nothing is added, or something bends that is no confound.
        """
        merged = {
            "confounds": unique([*named.columns, *self.confounds]),
            "optional": unique([*named.optional, *self.optional]),
            "categorical": unique([*named.categorical, *self.categorical]),
            "smooth": {**named.smooth, **self.smooth},
            "products": unique([*named.products, *self.products]),
        }
        if not merged["confounds"]:
            raise ValueError(f"'{named.id}' has no columns, and nothing is added to it")
        step = self.model_copy(update={field: value for field, value in merged.items() if value})
        return refuse_stray_forms(step, step.confounds)

    @property
    def takes_out(self) -> list[str]:
        """The confounds."""
        return self.confounds

    @property
    def takes_out_where_present(self) -> list[str]:
        """The optional ones."""
        return self.optional

    @property
    def bends(self) -> dict[str, int]:
        """The smooth ones."""
        return self.smooth

    @property
    def multiplies(self) -> list[tuple[str, str]]:
        """Pairs that act through one another."""
        return self.products

    @property
    def codes(self) -> list[str]:
        """The categorical ones."""
        return self.categorical


class HeadSize(StepOptions):
    """Take head size out of volumes and areas; thickness is never divided by it.

    Parameters
    ----------
    method : {"proportion", "residual", "none"}
        Division by eTIV, the residual of the regression on it, or the statement that nothing is
        done. ``residual`` makes eTIV a confound.
    powers : dict of str to float
        Measures (last word of a feature group) and the power of eTIV that a proportion divides by.
    """

    step: Literal["etiv"]
    method: Literal["proportion", "residual", "none"]
    powers: dict[Literal["volume", "area"], float] = {"volume": 1.0, "area": 2 / 3}

    @property
    def takes_out(self) -> list[str]:
        """Head size, where the regression on it is taken out."""
        return ["etiv"] * (self.method == "residual")

    @property
    def divides_by(self) -> list[str]:
        """Head size, where features are divided by it."""
        return ["etiv"] * (self.method == "proportion")


class Tangent(StepOptions):
    """Project covariances onto the tangent space at the mean of the training subjects."""

    reads_whole: ClassVar[bool] = True

    step: Literal["tangent"]


class PCAProjector(ProjectorOptions):
    """Principal components; the effective dimension is also bounded by rank and sample size."""

    in_test: ClassVar[Literal["components"]] = "components"

    type: Literal["pca"]
    dim: int = Field(ge=1)


class NoProjector(ProjectorOptions):
    """Features are used as they are."""

    in_test: ClassVar[Literal["features"]] = "features"

    type: Literal["none"]


TRANSFORMERS = "neurogenomics_kb.stats.transformers.building"
# A new step is a module with its options and builder, and a line here; a new projector likewise.
STEPS = Parts(
    "preprocessing step",
    "step",
    {
        "impute": Part(Impute, f"{TRANSFORMERS}:build_impute"),
        "drop_near_constant": Part(DropNearConstant, f"{TRANSFORMERS}:build_drop_near_constant"),
        "zscore": Part(ZScore, f"{TRANSFORMERS}:build_zscore"),
        "residualize": Part(Residualize, f"{TRANSFORMERS}:build_residualize"),
        "etiv": Part(HeadSize, f"{TRANSFORMERS}:build_etiv"),
        "tangent": Part(Tangent, f"{TRANSFORMERS}:build_tangent"),
        "missing_indicators": Part(MissingIndicators, f"{TRANSFORMERS}:build_missing_indicators"),
        "norms": Part(Norms, f"{TRANSFORMERS}:build_norms"),
    },
)
PROJECTORS = Parts(
    "projector",
    "type",
    {
        "pca": Part(PCAProjector, f"{TRANSFORMERS}:build_pca"),
        "factor_analysis": Part(FactorProjector, f"{TRANSFORMERS}:build_factor_analysis"),
        "none": Part(NoProjector, f"{TRANSFORMERS}:build_nothing"),
    },
)
Step = Annotated[StepOptions, STEPS.field]
Projector = Annotated[ProjectorOptions, PROJECTORS.field]


# Pooling that the genomics pipeline does, level by level.
GENE_LEVELS = {
    "exon or window": ("mean", "cls"),
    "gene": ("mean", "length_weighted", "prior_weighted"),
    "subject": ("concatenate", "mean", "max", "prior_weighted"),
}
# Pooling that the EEG pipeline does.
SEGMENT_LEVELS = {"segment": ("mean",), "run": ("mean",), "subject": ("clean_segments",)}
# Pooling that the fMRI pipeline does of an encoder's tokens or segments.
RUN_LEVELS = {
    "token or segment": ("mean", "cls"),
    "run": ("mean", "inverse_fd"),
    "subject": ("mean", "inverse_fd"),
}
# Feature group that holds a column for each alternate allele of a gene.
DOSAGE = "dosage"
EXECUTED_LEVELS = {"genomics": GENE_LEVELS, "eeg": SEGMENT_LEVELS, "fmri": RUN_LEVELS}


class Level(Strict):
    """One level of pooling on the way from tokens to a subject.

    Parameters
    ----------
    level : {"token", "exon", "window", "gene", "segment", "run", "subject"}
        What is pooled at this level; a ``window`` lies around a transcription start site.
    pooling : str
        How: ``mean``, ``max``, ``cls``, ``concatenate``, ``length_weighted`` (exons by their
        bases), ``prior_weighted`` (exons or genes by a table of weights, such as membership of a
        pathway), ``inverse_fd`` (weights by the inverse framewise displacement) or
        ``clean_segments`` (runs by their number of clean segments).
    frames, stride : int, optional
        Length and step of a segment in volumes.
    seconds : float, optional
        Length of a segment in seconds.
    max_fd : float, optional
        Mean framewise displacement (mm) up to which a segment has low motion; others are left out
        at the ``segment`` level, and only counted at the ``run`` level.
    min_low_motion : float, optional
        Runs with a smaller share of low-motion segments are left out.
    flank : int, optional
        Bases on each side of the transcription start site that a window covers.
    bases : int, optional
        Length of the tiles of a window.
    overlap : float, optional
        Share of a tile that the next one covers again.
    """

    level: Literal["token", "exon", "window", "gene", "segment", "run", "subject"]
    pooling: Literal[
        "mean",
        "max",
        "cls",
        "concatenate",
        "length_weighted",
        "prior_weighted",
        "inverse_fd",
        "clean_segments",
    ]
    frames: int | None = Field(None, ge=1)
    stride: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, gt=0)
    max_fd: float | None = Field(None, gt=0)
    min_low_motion: float | None = Field(None, ge=0, le=1)
    flank: int | None = Field(None, ge=1, le=500_000)
    bases: int | None = Field(None, ge=1)
    overlap: float | None = Field(None, ge=0, lt=1)


class EmbeddingStrategy(Card):
    """How one block is made from a modality's features.

    Parameters
    ----------
    modality : str
        Modality, such as smri.
    encoder : str, optional
        Model card whose embeddings are the features; `features` then defaults to its id.
    features : list of str
        Feature groups of the modality's table that are used.
    gene_set : str, optional
        Genes that the block consists of, in that order; by default every gene of the annotation.
    preprocessing : list of steps
        Applied in this order, each fitted in the training fold.
    projector : mapping
        How features become components, fitted in the training fold.
    dataset : str, optional
        Dataset card that it was written for; its columns are checked against the confounds.
    acquisition : str, optional
        Preprocessing card that the raw recordings go through. An encoder reads its own atlas,
        whatever atlas the card averages for connectivity.
    levels : list of Level
        Pooling from tokens to a subject, for encoders that run over segments or sequences.
    discovery_sample : str
        For polygenic scores: the sample of the discovery study.
    """

    type_name: ClassVar[str] = "embedding_strategy"
    place: ClassVar[str] = "integration_cards/embedding_strategies.yaml"
    heading: ClassVar[str] = "Embedding strategies"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "modality": "smri",
        "features": ["thickness"],
        "preprocessing": [
            {"step": "impute", "method": "median"},
            {"step": "zscore"},
            {"step": "residualize", "set": "age_sex_site"},
        ],
        "projector": {"type": "pca", "dim": 64},
    }
    taken_in: ClassVar[dict] = {"preprocessing": {"__all__": {"set"}}}

    modality: Modality
    dataset: DatasetId | None = None
    encoder: ModelId | None = None
    features: list[str] = []
    gene_set: GeneSetId | None = None
    acquisition: PreprocessingId | None = None
    levels: list[Level] = []
    preprocessing: list[Step] = []
    projector: Projector = NoProjector(type="none")
    discovery_sample: str = ""

    @model_validator(mode="after")
    def _has_features(self):
        if not self.features and self.encoder is None:
            raise ValueError("name `features` (groups of the modality's table) or an `encoder`")
        if self.encoder is not None and self.features:
            raise ValueError("an `encoder` names its features itself; leave `features` out")
        by_gene = self.encoder is not None or self.features == [DOSAGE]
        if self.gene_set is not None and not (by_gene and self.modality == "genomics"):
            raise ValueError("a `gene_set` restricts what an `encoder` of genomics reads")
        executed = EXECUTED_LEVELS.get(self.modality, {})
        if self.status == "ready" and not self._pools_as(executed):
            raise ValueError(
                f"only these levels of {self.modality} are executed, in this order ("
                + "; ".join(f"{level}: {', '.join(how)}" for level, how in executed.items())
                + "); set status: planned"
            )
        limits = [level.max_fd for level in self.levels if level.level in ("segment", "run")]
        if any(level.min_low_motion for level in self.levels) and not any(limits):
            raise ValueError("`min_low_motion` needs `max_fd` at the segment or the run level")
        return self

    @model_validator(mode="after")
    def _tangent_reads_covariances(self):
        steps = [step.step for step in self.preprocessing]
        if "tangent" in steps and (steps.index("tangent") or steps.count("tangent") > 1):
            raise ValueError("`tangent` is the first preprocessing step: it reads covariances")
        if "tangent" in steps and self.features != ["covariance"]:
            raise ValueError("`tangent` needs features: [covariance], and nothing else")
        if "covariance" in self.features and "tangent" not in steps:
            raise ValueError("covariances are no features by themselves: begin with step tangent")
        if self.acquisition and self.modality != "fmri":
            raise ValueError("an `acquisition` prepares functional images; the modality is another")
        return self

    @model_validator(mode="after")
    def _indicators_find_gaps(self):
        check_missing_indicators(self.preprocessing, self.projector)
        return self

    def resolved(self, card_of: Callable[[str, str], Card]) -> EmbeddingStrategy:
        """The strategy with the confounds of the sets that it names."""
        if not self.confound_sets:
            return self
        steps = [
            step.resolved(card_of(step.set, "confound_set")) if getattr(step, "set", None) else step
            for step in self.preprocessing
        ]
        return self.model_copy(update={"preprocessing": steps})

    @property
    def confound_sets(self) -> list[str]:
        """Confound sets that steps name."""
        return unique(s.set for s in self.preprocessing if getattr(s, "set", None))

    def with_forms(self, forms: ConfoundForms) -> EmbeddingStrategy:
        """The strategy with the forms that its confounds take in a cohort.

        Parameters
        ----------
        forms : ConfoundForms
            Of the dataset card; what a step says itself comes first.
        """
        steps = []
        for step in self.preprocessing:
            if step.step == "residualize":
                known = {*step.confounds, *step.optional}
                bent = {c: df for c, df in forms.smooth.items() if c in known}
                update = {
                    "smooth": {**bent, **step.smooth},
                    "products": unique(
                        [*step.products, *(p for p in forms.products if {*p} <= known)]
                    ),
                }
                step = step.model_copy(update={k: v for k, v in update.items() if v})
            steps.append(step)
        return self.model_copy(update={"preprocessing": steps})

    @property
    def norms(self) -> list[Norms]:
        """Steps that score features by age and sex."""
        return [step for step in self.preprocessing if step.step == "norms"]

    def _pools_as(self, executed: dict[str, tuple[str, ...]]) -> bool:
        """Whether a pipeline executes the levels, or there are none."""
        if not self.levels:
            return True
        return len(self.levels) == len(executed) and all(
            level.level in name.split(" or ") and level.pooling in how
            for level, (name, how) in zip(self.levels, executed.items(), strict=True)
        )

    @property
    def groups(self) -> list[str]:
        """Feature groups that the block consists of."""
        return [self.encoder] if self.encoder else list(self.features)

    @property
    def confounds(self) -> list[str]:
        """Required confounds of all steps that take something out: residualize, etiv, norms."""
        return unique(c for s in self.preprocessing for c in s.takes_out)

    @property
    def divisors(self) -> list[str]:
        """Covariates that features are divided by; they are read and not regressed out."""
        return unique(c for s in self.preprocessing for c in s.divides_by)

    @property
    def optional_confounds(self) -> list[str]:
        """Confounds that are used where the cohort has them."""
        return unique(c for s in self.preprocessing for c in s.takes_out_where_present)

    @property
    def smooth_confounds(self) -> dict[str, int]:
        """Confounds that are expanded into splines, and into how many."""
        return {name: df for s in self.preprocessing for name, df in s.bends.items()}

    @property
    def product_confounds(self) -> list[tuple[str, str]]:
        """Pairs of confounds that act through one another."""
        return unique(pair for s in self.preprocessing for pair in s.multiplies)

    @property
    def categorical_confounds(self) -> list[str]:
        """Numeric confounds that hold codes."""
        return unique(c for s in self.preprocessing for c in s.codes)


class FusionStrategy(Card):
    """Which blocks are predicted from together.

    An experiment that names this card as ``fusion`` takes its blocks from it.

    Parameters
    ----------
    method : {"concatenate"}
        Late fusion by concatenating what the blocks' projectors give, each scaled in the training
        fold.
    blocks : dict of str to str
        Block name to embedding strategy.
    """

    type_name: ClassVar[str] = "fusion"
    place: ClassVar[str] = "integration_cards/fusion_strategies.yaml"
    heading: ClassVar[str] = "Fusion strategies"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "method": "concatenate",
        "blocks": {"gene": "genetics_gene_kmer_pca512_v1", "brain": "smri_free_surfer_pca512_v1"},
    }

    method: Literal["concatenate"] = "concatenate"
    blocks: dict[Identifier, StrategyId] = Field(min_length=2)
