"""An experiment: card ids and a few numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from neurogenomics_kb.foundation.permutation_statistics import Statistic
from neurogenomics_kb.registry.analyses import ANALYSES, known_analysis
from neurogenomics_kb.registry.cards.base import (
    AlignmentId,
    Card,
    DatasetId,
    FusionId,
    HarmonizationId,
    Identifier,
    StrategyId,
    Strict,
)
from neurogenomics_kb.registry.cards.predictors import (
    PREDICTORS,
    Predictor,
    PredictorCard,
    PredictorOptions,
    refuse_misnamed,
)
from neurogenomics_kb.registry.cards.primary import Primary, default_primary
from neurogenomics_kb.registry.cards.rivals import RivalSettings

# What a sequential test may take unless the experiment says: so many times its permutations, but
# no more than this where it has fewer to begin with.
MOST_TIMES, MOST = 10, 10_000


class Prospective(Strict):
    """Predict what is measured at a later wave from an earlier one.

    Parameters
    ----------
    features, outcome : str
        Waves of the blocks and covariates, and of the outcome and associations.
    change : bool
        Take the difference between the waves as outcome; it must be a number.
    """

    features: str
    outcome: str
    change: bool = False

    @model_validator(mode="after")
    def _two_waves(self):
        if self.features == self.outcome:
            raise ValueError("`features` and `outcome` are the same wave")
        return self


class Folds(Strict):
    """Cross-validation design.

    Parameters
    ----------
    scheme : str
        ``temporal`` trains on rows whose `column` lies below `cut` and tests on the others once;
        ``leave_groups_out`` tests `groups_out` groups at a time.
    n_splits : int
        Number of folds. Default 5.
    n_repeats : int
        How often people are divided into folds anew. The prediction uses all repeats, other
        analyses the first. Default 1.
    group : str, optional
        Column whose levels stay in one fold.
    groups_out : int, optional
        Groups in a test fold of ``leave_groups_out``.
    seed : int
        Seed of the random numbers. Default 42.
    column, cut : str and float, optional
        Number to split on, such as the year of enrolment, and where.
    """

    scheme: Literal[
        "stratified",
        "grouped",
        "stratified_grouped",
        "leave_site_out",
        "leave_groups_out",
        "temporal",
    ] = "stratified"
    n_splits: int = Field(5, ge=3)
    n_repeats: int = Field(1, ge=1)
    group: str | None = None
    groups_out: int | None = Field(None, ge=2)
    seed: int = Field(42, ge=0, lt=2**32)
    column: str | None = None
    cut: float | None = None

    @model_validator(mode="after")
    def _group_given(self):
        if self.scheme not in ("stratified", "temporal") and self.group is None:
            raise ValueError(f"scheme '{self.scheme}' needs a `group` column")
        if (self.scheme == "temporal") != (self.column is not None and self.cut is not None):
            raise ValueError("`column` and `cut` belong to scheme 'temporal', which needs both")
        if (self.scheme == "leave_groups_out") != (self.groups_out is not None):
            raise ValueError("`groups_out` belongs to scheme 'leave_groups_out', which needs it")
        if self.n_repeats > 1 and self.scheme in ("leave_site_out", "temporal"):
            raise ValueError(f"scheme '{self.scheme}' has one division of the people: no repeats")
        return self


Analysis = Annotated[
    str,
    AfterValidator(known_analysis),
    WithJsonSchema({"type": "string", "enum": list(ANALYSES)}),
]


# Mappings among the algorithms have become names when a card is read; editors see both.
Algorithm = Annotated[
    Identifier,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "required": ["type"], "properties": {
                    "type": {"type": "string"}, "name": {"type": "string"}}},
            ]
        }
    ),
]  # fmt: skip


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


class Experiment(Card):
    """Card ids and a few numbers: everything a run needs beside the cohort.

    Parameters
    ----------
    id : str
        Name of the experiment.
    blocks : dict of str to str
        Block name to embedding strategy id.
    fusion : str, optional
        Fusion card whose blocks are used, instead of `blocks`.
    dataset : str, optional
        Dataset card; by default the one of the environment's cohort, so that an experiment runs on
        any cohort that has its columns.
    harmonization : str
        Card of the method; none_baseline leaves sites as they are. Default none_baseline.
    outcome : str
        Canonical column; binary outcomes and categories are classified, numbers regressed.
    associations : list of str
        Further outcomes for the partial correlations.
    folds : Folds
        Cross-validation design.
    analyses : list of str
        What is run, by the names of `registry.analyses`.
    algorithms : list of str or mapping
        Predictors by name: a type (``linear``, ``xgboost``), a predictor card, or a mapping with a
        ``type``, its options and a ``name`` (by default the type's), which results then carry. The
        first one is that of the verdicts.
    predictors : dict of str to mapping
        Options of the algorithms that are mappings or cards, by name; filled when they are read.
    ladder : list of str
        Alignment cards among which ``ladder`` chooses, late fusion being one more candidate.
    rivals : bool or RivalSettings
        Whether, and how, blocks from encoders are compared with their rivals wherever there is a
        prediction: cheaper features of the modality, and the encoder with random weights. Default
        true.
    bridges : list of str
        Alignment cards by which ``language`` describes axes and blocks in words; off by default.
    primary : list of mapping, optional
        Tests that the run is made for, each with a ``test`` (``canonical correlation``,
        ``held-out correlation``, ``model comparison``, ``association``, ``leave one out``) and what
        tells it from others of its kind. By default the first canonical component of the first
        pair of blocks, in sample, and all blocks with the covariates over the covariates. The
        others are asked after them, see ``gatekeep``.
    n_permutations : int
        Permutations that decide at `alpha`, the identity left out. Default 1000.
    max_permutations : int, optional
        Permutations of canonical and held-out correlations at most: tests stop where nothing can
        be found, and go on where p is small. By default ten times `n_permutations`, but not above
        10,000 unless these are more.
    n_components : int
        Number of components. Default 3.
    statistic : {"wilks", "roy"} or mapping
        Of the permutation test of canonical correlation; a mapping has a ``type`` and its options.
    waves : list of str, optional
        Waves that are analysed; all by default.
    prospective : Prospective, optional
        One row per child: blocks of one wave, outcome of another.
    exchangeability : str or list of ExchangeabilityLevel, optional
        Column whose levels (families) are permuted as wholes, or nested levels, outermost first;
        ``families`` takes those of the dataset card, and keeps visits in order of time.
    exchange_rows : bool
        Whether rows inside an innermost unit change places; false for visits in order of time.
    regularisation : {"none", "pca", "ridge", "ridge per side", "pls"}
        Choose the dimension, a ridge penalty or one for each side of the canonical correlation
        inside the permutation loop; ``"pls"`` is partial least squares instead, ``"none"`` takes
        the dimensions of the cards.
    regularisation_grid : list of float, optional
        Dimensions, or penalties relative to the mean squared singular value.
    dimension_grid : list of int
        PCA dimensions among which ``dimension_search`` finds the smallest that predicts within one
        standard error of the best.
    normal_scores : bool
        Rank-based inverse-normal transform of all features before canonical correlation.
    unit_rows : bool
        Bring people's rows to one length before canonical correlation, for noise whose scale both
        blocks share.
    n_bootstraps : int
        Resamples for the stability of the axes; 0 leaves stability out.
    spatial_null : {"moran", "spin", "spin nearest"}
        How maps of loadings are compared with reference maps (`reference_maps`): Moran spectral
        randomisation from places in the brain, or rotations of the spherical surface.
    random_slopes : bool
        Let children differ in growth in the mixed models of repeated visits; intercepts alone by
        default.
    subjects_per_dimension : float
        Bounds the dimension of all blocks together: N / (p + q).
    missing_confounds : {"error", "drop"}
        What happens to people without a confound. Default error.
    incomplete : {"drop", "mask"}
        People who lack a block are left out, or stay at the training mean of that block where only
        ``prediction`` and ``ladder`` are run. Default drop.
    attribution_block : str, optional
        Block for leave-one-group-out; the first by default.
    alpha : float
        Level below which a p-value counts. Default 0.05.
    seed : int
        Seed of the random numbers. Default 42.
    """

    type_name: ClassVar[str] = "experiment"
    heading: ClassVar[str] = "Experiments"
    skeleton: ClassVar[dict[str, Any]] = {
        "blocks": {"gene": "genetics_gene_kmer_pca512_v1", "brain": "smri_free_surfer_pca512_v1"},
        "outcome": "mdd_diagnosis",
        "folds": {"scheme": "stratified_grouped", "n_splits": 5, "group": "family_id", "seed": 42},
        "analyses": ["prediction"],
    }

    blocks: dict[Identifier, StrategyId] = {}
    fusion: FusionId | None = None
    dataset: DatasetId | None = None
    harmonization: HarmonizationId = "none_baseline"
    outcome: str
    associations: list[str] = []
    folds: Folds = Folds()
    analyses: list[Analysis] = ["cca", "prediction"]
    algorithms: list[Algorithm] = Field(["linear", "xgboost"], min_length=1)
    predictors: dict[Identifier, Predictor] = {}
    ladder: list[AlignmentId] = []
    rivals: bool | RivalSettings = True
    bridges: list[AlignmentId] = []
    primary: list[Primary] | None = None
    n_permutations: int = Field(1000, ge=19)
    max_permutations: int | None = Field(None, ge=19)
    n_components: int = Field(3, ge=1)
    statistic: Statistic = "wilks"
    waves: list[str] | None = None
    prospective: Prospective | None = None
    exchangeability: str | list[ExchangeabilityLevel] | None = None
    exchange_rows: bool = True
    regularisation: Literal["none", "pca", "ridge", "ridge per side", "pls"] = "none"
    regularisation_grid: list[float] | None = None
    dimension_grid: list[Annotated[int, Field(ge=1)]] = [2, 4, 8, 16, 32, 64]
    normal_scores: bool = False
    unit_rows: bool = False
    n_bootstraps: int = Field(100, ge=0)
    spatial_null: Literal["moran", "spin", "spin nearest"] = "moran"
    random_slopes: bool = False
    subjects_per_dimension: float = Field(10.0, ge=2)
    missing_confounds: Literal["error", "drop"] = "error"
    incomplete: Literal["drop", "mask"] = "drop"
    attribution_block: str | None = None
    alpha: float = Field(0.05, gt=0, lt=1)
    seed: int = Field(42, ge=0, lt=2**32)

    @model_validator(mode="before")
    @classmethod
    def _algorithms_have_names(cls, data):
        """Put the options of algorithms that are mappings beside their names."""
        if not isinstance(data, Mapping) or not isinstance(data.get("algorithms"), list):
            return data
        names, options = [], dict(data.get("predictors") or {})
        for entry in data["algorithms"]:
            if isinstance(entry, Mapping):
                settings = {key: value for key, value in entry.items() if key != "name"}
                entry = entry.get("name", entry.get("type"))
                options[entry] = settings
            names.append(entry)
        return {**data, "algorithms": names, "predictors": options}

    @model_validator(mode="after")
    def _algorithms_are_told_apart(self):
        twice = [name for name in self.algorithms if self.algorithms.count(name) > 1]
        if twice:
            raise ValueError(f"two algorithms are called '{twice[0]}'; give one another `name`")
        for name, options in self.predictors.items():
            if name not in self.algorithms:
                raise ValueError(f"predictor '{name}' is not among the algorithms")
            refuse_misnamed(name, options)
        return self

    @model_validator(mode="after")
    def _consistent(self):
        only = {"prediction"}
        if self.folds.scheme == "temporal" and not set(self.analyses) <= only:
            raise ValueError("scheme 'temporal' has one test set; only `prediction` uses it")
        if self.incomplete == "mask" and not set(self.analyses) <= {"prediction", "ladder"}:
            raise ValueError(
                "`incomplete: mask` keeps people who lack a block; only `prediction` and `ladder` "
                "can do with them"
            )
        if self.waves is not None and self.prospective is not None:
            raise ValueError("`prospective` names its waves itself; leave `waves` out")
        if bool(self.blocks) == (self.fusion is not None):
            raise ValueError("name either `blocks` or a `fusion` card")
        if (self.max_permutations or self.n_permutations) < self.n_permutations:
            raise ValueError(
                f"max_permutations {self.max_permutations} is less than n_permutations "
                f"{self.n_permutations}"
            )
        if self.fusion is not None:
            return self  # checked once the blocks of the card are known
        for name in self.blocks:
            if name in ("covariates", "fusion") or name.endswith("_covariates"):
                raise ValueError(f"block name {name!r} is taken by a model")
        if self.attribution_block is not None and self.attribution_block not in self.blocks:
            raise ValueError(
                f"attribution_block {self.attribution_block!r} is not among {sorted(self.blocks)}"
            )
        if "cca" in self.analyses and len(self.blocks) < 2:
            raise ValueError("cca needs two blocks")
        if "joint_axes" in self.analyses and len(self.blocks) < 3:
            raise ValueError("joint_axes needs three blocks")
        if ("ladder" in self.analyses) != bool(self.ladder):
            raise ValueError("analysis `ladder` needs cards under `ladder:`, and they need it")
        if self.ladder and len(self.blocks) < 2:
            raise ValueError("ladder needs two blocks")
        if ("language" in self.analyses) != bool(self.bridges):
            raise ValueError("analysis `language` needs cards under `bridges:`, and they need it")
        if self.bridges and "cca" not in self.analyses:
            raise ValueError("language describes the axes of cca; add cca to analyses")
        if "reference_maps" in self.analyses and "cca" not in self.analyses:
            raise ValueError("reference_maps uses the axes of cca; add cca to analyses")
        if "partial_correlations" in self.analyses and "cca" not in self.analyses:
            raise ValueError("partial_correlations uses the axes of cca; add cca to analyses")
        for test in self.primary or []:
            if test.analysis not in self.made:
                raise ValueError(f"primary test '{test.test}' needs {test.analysis} in analyses")
            test.check(list(self.blocks), self.algorithms, [self.outcome, *self.associations])
        return self

    def references(self) -> Iterator[tuple[tuple, str, str]]:
        """Ids of other cards, predictors that are no type among them."""
        yield from super().references()
        for i, name in enumerate(self.algorithms):
            if name not in self.predictors and name not in PREDICTORS:
                yield ("algorithms", i), PredictorCard.type_name, name

    def predictor(self, algorithm: str) -> PredictorOptions:
        """Options of one of the algorithms.

        Raises
        ------
        InputError
            If it is neither a type nor a predictor whose options are known.
        """
        if algorithm in self.predictors:
            return self.predictors[algorithm]
        return PREDICTORS[algorithm].options.model_validate({PREDICTORS.tag: algorithm})

    @property
    def rival_settings(self) -> RivalSettings | None:
        """How blocks are compared with their rivals; None where they are not."""
        if self.rivals is False or "prediction" not in self.analyses:
            return None
        return RivalSettings() if self.rivals is True else self.rivals

    @property
    def made(self) -> list[str]:
        """Analyses that are made: those named, and the rivals beside a prediction."""
        implied = ["rivals"] if self.rival_settings is not None else []
        return list(dict.fromkeys([*self.analyses, *implied]))

    @property
    def primary_tests(self) -> list[Primary]:
        """Tests that the run is made for, the default ones where none is named."""
        return default_primary(self.analyses) if self.primary is None else self.primary

    @property
    def most_permutations(self) -> int:
        """Permutations of a sequential test at most."""
        usual = max(self.n_permutations, min(MOST_TIMES * self.n_permutations, MOST))
        return self.max_permutations or usual

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
