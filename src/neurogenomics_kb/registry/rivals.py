"""Which rivals the blocks of an experiment get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.twins import twin_id, twin_spec, why_no_twin
from neurogenomics_kb.registry.cards import Card, EmbeddingStrategy, Experiment, ModelCard
from neurogenomics_kb.registry.cards.primary import PrimaryRival
from neurogenomics_kb.registry.cards.rivals import Rival, RivalSettings
from neurogenomics_kb.registry.registry import Registry

# The cheapest features of each modality that an encoder has; every model has the covariates too.
USUAL = {
    "fmri": ("fmri_connectivity_pca512_v1", "fmri_coskewness_pca512_v1"),
    "genomics": ("genetics_gene_kmer_pca512_v1", "genetics_gene_dosage_pca512_v1"),
    "eeg": ("eeg_bandpower_v1",),
    "smri": ("smri_free_surfer_pca512_v1",),
}
# What stands for all twins of a block.
TWINS = "twins"
NOT_ASKED = "the experiment asks for none"


@dataclass
class Rivals:
    """Rivals of a run, and what they need beside.

    Parameters
    ----------
    rivals : dict of str to Rival
        By a name for a reader.
    encoders : dict of str to dict
        Specs of their encoders, twins among them.
    no_twins : dict of str to str
        Why an encoder has no twin, by block.
    cards : list of Card
        Cards that they name.
    """

    rivals: dict[str, Rival] = field(default_factory=dict)
    encoders: dict[str, dict[str, Any]] = field(default_factory=dict)
    no_twins: dict[str, str] = field(default_factory=dict)
    cards: list[Card] = field(default_factory=list)


def find_rivals(
    experiment: Experiment,
    blocks: Mapping[str, EmbeddingStrategy],
    encoders: Mapping[str, ModelCard],
    registry: Registry,
) -> Rivals:
    """Rivals of every block that an encoder makes.

    Parameters
    ----------
    experiment : Experiment
        Says whether there are any, and which.
    blocks : mapping of str to EmbeddingStrategy
        Its blocks.
    encoders : mapping of str to ModelCard
        Cards of their encoders.
    registry : Registry
        Knowledge base that holds the rivals.

    Raises
    ------
    InputError
        If a rival is unknown or planned, or no block of its modality has an encoder.
    """
    settings, found = experiment.rival_settings, Rivals()
    own = {name: strategy for name, strategy in blocks.items() if strategy.encoder}
    if settings is None:
        return found
    refuse_without_block(settings, own, registry)
    for block, strategy in own.items():
        for card_id in chosen(settings, strategy.modality, registry):
            card = registry.runnable(card_id, "embedding_strategy")
            if card.groups == strategy.groups:
                continue
            made = [*blocks.values(), *(r.strategy for r in found.rivals.values())]
            rival = as_the_block(card, strategy, made)
            found.rivals[name_of(found, card.id, block)] = Rival(
                of=block, kind="rival", strategy=rival
            )
            found.cards.append(card)
            if card.encoder:
                encoder = registry.runnable(card.encoder, "model")
                found.encoders[card.encoder] = encoder.spec
                found.cards.append(encoder)
        add_twins(found, block, strategy, encoders[strategy.encoder].spec, settings)
    refuse_unknown_primary(experiment, found)
    return found


def chosen(settings: RivalSettings, modality: str, registry: Registry) -> list[str]:
    """Strategies that rival blocks of a modality; usual ones where the knowledge base has them."""
    if settings.rivals is None:
        there = registry.ids("embedding_strategy")
        return [name for name in USUAL.get(modality, ()) if name in there]
    of = {name: registry.runnable(name, "embedding_strategy").modality for name in settings.rivals}
    return [name for name, own in of.items() if own == modality]


def refuse_without_block(
    settings: RivalSettings, own: Mapping[str, EmbeddingStrategy], registry: Registry
) -> None:
    """Refuse rivals that the experiment names and no block has.

    Raises
    ------
    InputError
    """
    modalities = {strategy.modality for strategy in own.values()}
    for name in settings.rivals or []:
        modality = registry.runnable(name, "embedding_strategy").modality
        if modality not in modalities:
            raise InputError(
                f"rival '{name}' is of {modality}, and no block of {modality} has an encoder",
                column="rivals",
                remedy=f"Blocks with an encoder are of {listing(sorted(modalities)) or 'none'}.",
            )


def refuse_unknown_primary(experiment: Experiment, found: Rivals) -> None:
    """Refuse a primary test against a rival that its block does not have.

    Raises
    ------
    InputError
    """
    made = [(rival.of, name) for name, rival in found.rivals.items() if rival.kind == "rival"]
    twinned = {rival.of for rival in found.rivals.values() if rival.kind == "twin"}
    made += [(block, TWINS) for block in sorted(twinned)]
    for test in experiment.primary or []:
        if not isinstance(test, PrimaryRival):
            continue
        fitting = [
            pair for pair in made if test.block in (None, pair[0]) and test.rival in (None, pair[1])
        ]
        if not fitting:
            told = "; ".join(f"{block} with {rival}" for block, rival in made) or "none"
            raise InputError(
                f"block {test.block or 'of an encoder'} is not compared with "
                f"{test.rival or 'a rival'}",
                file=f"experiment '{experiment.id}'",
                column="primary",
                remedy=f"Compared are {told}.",
            )


def as_the_block(
    card: EmbeddingStrategy, block: EmbeddingStrategy, made: Sequence[EmbeddingStrategy]
) -> EmbeddingStrategy:
    """A rival's strategy, made and adjusted as the block is.

    What it takes out is what the block takes out, so that both see the same confounds and no
    covariate is needed that the cohort lacks; genes and their pooling are the block's, and series
    go through the preprocessing card of the run's connectivity.
    """
    adjusts = [step for step in block.preprocessing if _adjusts(step)]
    places = [i for i, step in enumerate(card.preprocessing) if _adjusts(step)]
    kept = [step for step in card.preprocessing if not _adjusts(step)]
    at = places[0] if places else len(kept)
    changes: dict[str, Any] = {"preprocessing": [*kept[:at], *adjusts, *kept[at:]]}
    if card.modality == "genomics":
        changes["gene_set"] = block.gene_set
    if card.modality == "genomics" and card.encoder:
        # An encoder pools once in a run, as the first that has it says.
        pooled = next((b for b in made if b.encoder == card.encoder), block)
        changes["levels"] = [
            level.model_copy(update={"pooling": "mean"}) if level.pooling == "cls" else level
            for level in pooled.levels
        ]
        changes["gene_set"] = pooled.gene_set
    if card.modality == "fmri" and card.features:
        series = [b for b in made if b.modality == "fmri" and b.features]
        if series:
            changes["acquisition"] = series[0].acquisition
    return card.model_copy(update=changes)


def add_twins(
    found: Rivals,
    block: str,
    strategy: EmbeddingStrategy,
    spec: Mapping[str, Any],
    settings: RivalSettings,
) -> None:
    """Twins of a block's encoder, or why there are none."""
    reason = why_no_twin(spec) or ("" if settings.seeds else NOT_ASKED)
    if reason:
        found.no_twins[block] = reason
        return
    for seed in range(settings.seeds):
        encoder = twin_id(strategy.encoder, seed)
        twin = strategy.model_copy(update={"encoder": encoder})
        name = name_of(found, encoder, block)
        found.rivals[name] = Rival(of=block, kind="twin", strategy=twin, seed=seed)
        found.encoders[encoder] = twin_spec(spec, seed)


def name_of(found: Rivals, wanted: str, block: str) -> str:
    """Name of a rival for a reader, all different."""
    return wanted if wanted not in found.rivals else f"{wanted} of {block}"


def _adjusts(step: Any) -> bool:
    return bool(step.takes_out or step.takes_out_where_present or step.divides_by)
