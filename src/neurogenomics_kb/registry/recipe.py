"""Resolve an experiment into the cards that it names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.registry.analyses import ANALYSES
from neurogenomics_kb.registry.bridges import bridges_of
from neurogenomics_kb.registry.cards import (
    AlignmentStrategy,
    Card,
    Column,
    DatasetCard,
    EmbeddingStrategy,
    ExchangeabilityLevel,
    Experiment,
    HarmonizationMethod,
    PreprocessingPipeline,
    PretrainingCohorts,
    Strict,
    TextSet,
    unique,
)
from neurogenomics_kb.registry.cards.datasets import NAMING_ROLES, QUALITY_COVARIATES
from neurogenomics_kb.registry.cards.predictors import Predictor
from neurogenomics_kb.registry.cards.rivals import Rival
from neurogenomics_kb.registry.cohorts import find_dataset
from neurogenomics_kb.registry.predictors import expand_predictors
from neurogenomics_kb.registry.registry import Registry
from neurogenomics_kb.registry.rivals import find_rivals
from neurogenomics_kb.registry.rungs import rungs_of

# What `exchangeability` says for the families of the dataset card.
FAMILIES = "families"
# Roles of columns that say where or when somebody was measured.
IDENTITIES = ("site", "batch", "cohort", "wave")


class Recipe(Strict):
    """Everything a run executes, with the hashes of the cards it came from."""

    cohort: str
    experiment: Experiment
    blocks: dict[str, EmbeddingStrategy]
    harmonization: HarmonizationMethod
    dataset: DatasetCard
    encoders: dict[str, dict[str, Any]]
    gene_sets: dict[str, list[str]] = Field(default_factory=dict)
    acquisitions: dict[str, PreprocessingPipeline] = Field(default_factory=dict)
    pretraining: dict[str, PretrainingCohorts] = Field(default_factory=dict)
    rungs: dict[str, AlignmentStrategy] = Field(default_factory=dict)
    rung_predictors: dict[str, Predictor] = Field(default_factory=dict)
    rivals: dict[str, Rival] = Field(default_factory=dict)
    no_twins: dict[str, str] = Field(default_factory=dict)
    weights_licences: dict[str, str] = Field(default_factory=dict)
    bridges: dict[str, AlignmentStrategy] = Field(default_factory=dict)
    bridge_texts: dict[str, TextSet] = Field(default_factory=dict)
    bridge_encoders: dict[str, dict[str, Any]] = Field(default_factory=dict)
    cards: dict[str, str]

    @property
    def strategies(self) -> dict[str, EmbeddingStrategy]:
        """Everything whose features are made: blocks, and the rivals of their encoders."""
        return {**self.blocks, **{name: rival.strategy for name, rival in self.rivals.items()}}

    def in_place(self, rival: str) -> Recipe:
        """The recipe with a rival in the place of its block, all else as it is."""
        of = self.rivals[rival].of
        return self.model_copy(
            update={"blocks": {**self.blocks, of: self.rivals[rival].strategy}, "rivals": {}}
        )

    @property
    def confounds(self) -> list[str]:
        """Required confounds of all blocks."""
        return unique(c for s in self.blocks.values() for c in s.confounds)

    @property
    def optional_confounds(self) -> list[str]:
        """Confounds used where the cohort has them, required ones left out."""
        wanted = unique(c for s in self.blocks.values() for c in s.optional_confounds)
        return [c for c in wanted if c not in self.confounds]

    @property
    def divisors(self) -> list[str]:
        """Covariates that features of a block are divided by."""
        return unique(c for s in self.blocks.values() for c in s.divisors)

    @property
    def smooth_confounds(self) -> dict[str, int]:
        """Confounds that any block expands into splines; the largest number of splines counts."""
        found: dict[str, int] = {}
        for strategy in self.blocks.values():
            for name, df in strategy.smooth_confounds.items():
                found[name] = max(df, found.get(name, 0))
        return found

    @property
    def product_confounds(self) -> list[tuple[str, str]]:
        """Pairs of confounds that act through one another in any block."""
        return unique(p for s in self.blocks.values() for p in s.product_confounds)

    @property
    def categorical_confounds(self) -> list[str]:
        """Numeric confounds that hold codes: those of sites, batches and groups always do."""
        named = [name for name, c in self.columns.items() if c.role in NAMING_ROLES]
        stated = unique(c for s in self.blocks.values() for c in s.categorical_confounds)
        known = {*self.confounds, *self.optional_confounds}
        return unique([*stated, *(name for name in named if name in known)])

    @property
    def columns(self) -> dict[str, Column]:
        """Canonical participant columns of the dataset card."""
        return {c.name: c for t in self.dataset.tables.values() for c in t.columns.values()}

    @property
    def audited_columns(self) -> list[str]:
        """Columns of sites, batches, cohorts and waves, which no block should give away."""
        named = [name for name, c in self.columns.items() if c.role in IDENTITIES]
        wave = [] if self.dataset.visits is None else [self.dataset.visits.wave]
        return unique([*named, *wave])

    @property
    def wave_columns(self) -> list[str]:
        """Those of them that change between the visits of one person."""
        wave = [] if self.dataset.visits is None else [self.dataset.visits.wave]
        return unique([*(n for n, c in self.columns.items() if c.role == "wave"), *wave])

    @property
    def grouping_columns(self) -> list[str]:
        """Columns of names that may hold families which the experiment does not declare."""
        experiment = self.experiment
        declared = {
            experiment.outcome,
            experiment.folds.group,
            *(level.column for level in experiment.exchangeability_levels),
            *self.audited_columns,
            *([] if self.dataset.visits is None else [self.dataset.visits.subject]),
        }
        return [
            name
            for name, c in self.columns.items()
            if c.type in ("category", "text") and c.role != "id" and name not in declared
        ]

    @property
    def continuous(self) -> bool:
        """Whether the outcome is a score."""
        return self.columns[self.experiment.outcome].type == "number"

    @property
    def multiclass(self) -> bool:
        """Whether the outcome has several classes."""
        return self.columns[self.experiment.outcome].type == "category"

    @property
    def primary_metric(self) -> str:
        """Metric that models are compared by."""
        return "r2" if self.continuous else "macro_auroc" if self.multiclass else "auroc"

    @property
    def harmonization_columns(self) -> list[str]:
        """Covariates that the harmonization reads."""
        return self.harmonization.columns


def resolve_recipe(experiment: Experiment, registry: Registry, cohort: str) -> Recipe:
    """Look up every card of an experiment and check that they fit together.

    It is long, since it names every kind of card once.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    registry : Registry
        The knowledge base.
    cohort : str
        Cohort of the environment that runs.

    Returns
    -------
    Recipe

    Raises
    ------
    InputError
        For an unknown or planned card, a dataset of another cohort, or a covariate, outcome or
        group that the cohort does not have.
    """
    if experiment.status == "planned":
        raise InputError(
            f"experiment '{experiment.id}' is planned and cannot run yet: {experiment.reason}",
            remedy="Run another one; `kedro kb list experiment` shows them.",
        )
    fusion = [registry.get(experiment.fusion, "fusion")] if experiment.fusion else []
    experiment = expand_fusion(experiment, registry)
    experiment, predictors = expand_predictors(experiment, registry)
    rungs, rung_predictors, rung_cards = rungs_of(experiment, registry)
    bridges, bridge_cards = bridges_of(experiment, registry)
    dataset = _runnable_dataset(registry, cohort, experiment)
    experiment = choose_levels(experiment, dataset)
    strategies = {
        name: registry.runnable(card_id, "embedding_strategy")
        for name, card_id in experiment.blocks.items()
    }
    blocks = {name: s.with_forms(dataset.confound_forms) for name, s in strategies.items()}
    harmonization = registry.runnable(experiment.harmonization, "harmonization")
    encoders = named_by(blocks.values(), "encoder", registry, "model")
    rivals = find_rivals(experiment, blocks, encoders, registry)
    everything = [*blocks.values(), *(rival.strategy for rival in rivals.rivals.values())]
    gene_sets = named_by(everything, "gene_set", registry)
    acquisitions = named_by(everything, "acquisition", registry, "preprocessing")
    cards = [
        dataset,
        harmonization,
        *strategies.values(),
        *confound_sets_of(blocks.values(), registry),
        *encoders.values(),
        *acquisitions.values(),
        *gene_sets.values(),
        *fusion,
        *predictors,
        *rung_cards,
        *rivals.cards,
        *bridge_cards,
    ]
    recipe = Recipe(
        cohort=cohort,
        experiment=experiment,
        blocks=blocks,
        harmonization=harmonization,
        dataset=dataset,
        encoders=rivals.encoders | {card_id: card.spec for card_id, card in encoders.items()},
        gene_sets={card_id: card.genes for card_id, card in gene_sets.items()},
        acquisitions=acquisitions,
        pretraining={
            card_id: card.pretraining_cohorts
            for card_id, card in encoders.items()
            if card.pretraining_cohorts is not None
        },
        rungs=rungs,
        rung_predictors=rung_predictors,
        rivals=rivals.rivals,
        no_twins=rivals.no_twins,
        weights_licences={
            card_id: str(card.weights_license.value)
            for card_id, card in encoders.items()
            if card.weights_license
        },
        **bridges,
        cards={card.id: card.content_hash for card in cards},
    )
    check_recipe(recipe)
    return recipe


def named_by(
    strategies: Iterable[EmbeddingStrategy], field: str, registry: Registry, kind: str = ""
) -> dict[str, Any]:
    """Cards that a field of strategies names, by id.

    Parameters
    ----------
    strategies : iterable of EmbeddingStrategy
        Blocks, and their rivals.
    field : str
        Field that names a card, or is empty.
    registry : Registry
        The knowledge base.
    kind : str
        Type of the cards; called like the field by default.

    Raises
    ------
    InputError
        If one is unknown or planned.
    """
    named = unique(getattr(s, field) for s in strategies if getattr(s, field))
    return {card_id: registry.runnable(card_id, kind or field) for card_id in named}


def _runnable_dataset(registry: Registry, cohort: str, experiment: Experiment) -> DatasetCard:
    """Dataset card of the run, with the tables of its parts."""
    dataset = find_dataset(registry, cohort, experiment.dataset)
    if dataset.status == "planned":
        raise InputError(
            f"cohort '{dataset.cohort}' is planned and cannot run yet: {dataset.reason}",
            file=f"dataset card '{dataset.id}'",
            remedy="Run on another cohort with --env.",
        )
    return dataset


def choose_levels(experiment: Experiment, dataset: DatasetCard) -> Experiment:
    """The experiment with the dataset card's families in place of the word ``families``.

    Where rows are repeated visits, the child is the innermost level and its rows stay in order.

    Raises
    ------
    InputError
        If the card names no families and no visits.
    """
    if experiment.exchangeability != FAMILIES:
        return experiment
    columns, visits = list(dataset.families), dataset.visits
    repeated = visits is not None and experiment.prospective is None
    repeated = repeated and (experiment.waves is None or len(experiment.waves) > 1)
    if repeated and visits.subject not in columns:
        columns.append(visits.subject)
    if not columns:
        raise InputError(
            "the dataset card names no families",
            file=f"dataset card '{dataset.id}'",
            column="families",
            remedy="List the columns of relatives there, the outermost first, or name a column "
            "under `exchangeability`.",
        )
    return experiment.model_copy(
        update={
            "exchangeability": [ExchangeabilityLevel(column=column) for column in columns],
            "exchange_rows": experiment.exchange_rows and not repeated,
        }
    )


def confound_sets_of(strategies: Iterable[EmbeddingStrategy], registry: Registry) -> list[Card]:
    """Confound sets that strategies name, and those that these include.

    Raises
    ------
    InputError
        If one is planned.
    """
    found: dict[str, Card] = {}
    waiting = [name for strategy in strategies for name in strategy.confound_sets]
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = registry.runnable(name, "confound_set")
            waiting += found[name].includes
    return list(found.values())


def expand_fusion(experiment: Experiment, registry: Registry) -> Experiment:
    """Experiment with the blocks of the fusion card that it names.

    Raises
    ------
    InputError
        If the card is unknown or planned, or its blocks do not fit the analyses.
    """
    if experiment.fusion is None:
        return experiment
    card = registry.runnable(experiment.fusion, "fusion")
    data = {**experiment.model_dump(mode="json"), "fusion": None, "blocks": card.blocks}
    try:
        return Experiment.model_validate(data)
    except ValueError as error:
        raise InputError(
            f"the blocks of '{card.id}' do not fit the experiment: {error}",
            column="fusion",
            remedy="Change the experiment's analyses or name other blocks.",
        ) from None


def check_recipe(recipe: Recipe) -> None:
    """Refuse what cannot run on this cohort, before any data is read.

    Raises
    ------
    InputError
    """
    experiment, dataset = recipe.experiment, recipe.dataset
    if dataset.cohort != recipe.cohort:
        raise InputError(
            f"experiment '{experiment.id}' is for cohort '{dataset.cohort}', the environment is "
            f"'{recipe.cohort}'",
            column="dataset",
            remedy=f"Run it with --env {dataset.cohort}, or name another dataset card.",
        )
    known = set(recipe.columns) | set(QUALITY_COVARIATES)
    wanted = {
        "outcome": [experiment.outcome],
        "associations": experiment.associations,
        "folds.group": [experiment.folds.group] if experiment.folds.group else [],
        "exchangeability": [level.column for level in experiment.exchangeability_levels],
        f"families of {dataset.id}": dataset.families,
        f"confound_forms of {dataset.id}": [
            *dataset.confound_forms.smooth,
            *(name for pair in dataset.confound_forms.products for name in pair),
        ],
        **{f"confounds of {s.id}": s.confounds for s in recipe.blocks.values()},
        **{f"divisors of {s.id}": s.divisors for s in recipe.blocks.values()},
        f"harmonization {recipe.harmonization.id}": (
            recipe.harmonization_columns if harmonized_blocks(recipe) else []
        ),
    }
    for field, names in wanted.items():
        unknown = [n for n in names if n not in known]
        if unknown:
            raise InputError(
                f"{field}: cohort '{recipe.cohort}' has no column {listing(unknown)}"
                f"{nearest(unknown[0], known)}",
                file=f"dataset card '{dataset.id}'",
                column=unknown[0],
                remedy="Map it in the dataset card or take it out of the experiment or strategy.",
            )
    check_acquisitions(recipe)
    check_attribution(recipe)
    check_outcome(recipe)


def check_outcome(recipe: Recipe) -> None:
    """Refuse outcomes that cannot be predicted, and analyses that have no form for classes.

    Raises
    ------
    InputError
    """
    experiment, card = recipe.experiment, f"dataset card '{recipe.dataset.id}'"
    name, outcome = experiment.outcome, recipe.columns.get(experiment.outcome)
    if outcome is None or outcome.type not in ("binary", "number", "category"):
        raise InputError(
            f"outcome '{name}' is {outcome.type if outcome else 'not in the card'}",
            file=card,
            column=name,
            remedy="Use a column of type binary, number or category.",
        )
    if "partial_correlations" in experiment.analyses:
        for other in experiment.associations:
            kind = recipe.columns[other].type if other in recipe.columns else "number"
            if kind not in ("binary", "number"):
                raise InputError(
                    f"association '{other}' is {kind}",
                    file=card,
                    column=other,
                    remedy="Use columns of type binary or number, or leave partial_correlations "
                    "out.",
                )
    if not recipe.multiclass:
        return
    if outcome.levels:
        refuse_two_classes(recipe, set(outcome.levels.values()))
    formless = [a for a in experiment.analyses if not ANALYSES[a].several_classes]
    if formless:
        raise InputError(
            f"{listing(formless)} cannot be done for outcome '{name}', which has several classes",
            file=f"experiment '{experiment.id}'",
            column="analyses",
            remedy=f"Leave {listing(formless)} out, or name an outcome of type binary or number.",
        )


def refuse_two_classes(recipe: Recipe, classes) -> None:
    """Refuse a category with fewer than three classes.

    Raises
    ------
    InputError
    """
    classes = sorted(classes, key=str)
    if len(classes) > 2:
        return
    name = recipe.experiment.outcome
    coded = ", ".join(f"{level}: {code}" for code, level in enumerate(classes))
    raise InputError(
        f"outcome '{name}' is a category with {len(classes)} classes ({listing(classes)})",
        file=f"dataset card '{recipe.dataset.id}'",
        column=name,
        remedy=f"Declare it binary: type: binary, levels: {{{coded}}}."
        if len(classes) == 2
        else "Use another outcome.",
    )


def check_acquisitions(recipe: Recipe) -> None:
    """Refuse blocks that want the same connectivity prepared in different ways.

    Raises
    ------
    InputError
    """
    wanted = {
        name: s.acquisition
        for name, s in recipe.strategies.items()
        if s.modality == "fmri" and s.features
    }
    if len(set(wanted.values())) > 1:
        told = listing(f"{name}: {card or 'none'}" for name, card in wanted.items())
        raise InputError(
            f"the blocks name different acquisitions ({told})",
            file=f"experiment '{recipe.experiment.id}'",
            column="blocks",
            remedy="Series go through one card per run: run one experiment for each.",
        )
    for card in {a for a in wanted.values() if a}:
        if recipe.acquisitions[card].yields != "parcels":
            raise InputError(
                f"'{card}' yields volumes, and connectivity needs series of parcels",
                file=f"experiment '{recipe.experiment.id}'",
                column="blocks",
                remedy="Name a preprocessing card that averages parcels.",
            )


def check_attribution(recipe: Recipe) -> None:
    """Refuse leave-one-out of a block whose columns no longer stand for its units.

    Raises
    ------
    InputError
    """
    experiment = recipe.experiment
    block = experiment.attribution_block or next(iter(recipe.blocks))
    if (
        "logo" in experiment.analyses
        and recipe.harmonization.mixes_units
        and block in harmonized_blocks(recipe)
    ):
        raise InputError(
            f"leave-one-out of block '{block}' cannot follow '{recipe.harmonization.id}', whose "
            "columns mix all units",
            column="analyses",
            remedy="Leave logo out, name another attribution_block, or use a ComBat card.",
        )


def harmonized_blocks(recipe: Recipe) -> list[str]:
    """Blocks that the harmonization method applies to."""
    if recipe.harmonization.method == "none":
        return []
    return [n for n, s in recipe.blocks.items() if s.modality in recipe.harmonization.modalities]
