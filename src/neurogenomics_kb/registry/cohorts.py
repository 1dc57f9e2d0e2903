"""Which dataset card describes a cohort, with the tables of its parts."""

from __future__ import annotations

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.cards import DatasetCard
from neurogenomics_kb.registry.store import CardStore


def merge_parts(registry: CardStore, dataset: DatasetCard) -> DatasetCard:
    """Dataset card with the tables of all cards that say they are part of it.

    Parts that are not valid by themselves are left out; validation reports them.
    """
    tables = dict(dataset.tables)
    modalities = list(dataset.modalities)
    for card_id in naming(registry, dataset.id):
        raw = registry.raw(card_id)
        if raw is None or raw.body.get("part_of") != dataset.id:
            continue
        try:
            part = registry.get(card_id, "dataset")
        except InputError:
            continue
        tables.update({name: t for name, t in part.tables.items() if name not in tables})
        modalities += [m for m in part.modalities if m not in modalities]
    return dataset.model_copy(update={"tables": tables, "modalities": modalities})


def naming(registry: CardStore, name: str) -> list[str]:
    """Dataset cards whose text holds a name: looking for it saves parsing the large others."""
    return [i for i in registry.ids("dataset") if name in registry.text_of(i)]


def find_dataset(registry: CardStore, cohort: str, dataset_id: str | None = None) -> DatasetCard:
    """Dataset card that is named, or the one of the cohort, with the tables of its parts.

    Raises
    ------
    InputError
        If the cohort has no dataset card, or several.
    """
    if dataset_id is not None:
        return merge_parts(registry, registry.get(dataset_id, "dataset"))
    bodies = {i: registry.raw(i).body for i in naming(registry, cohort) if registry.raw(i)}
    own = [i for i, b in bodies.items() if b.get("cohort") == cohort and not b.get("part_of")]
    if len(own) != 1:
        raise InputError(
            f"{len(own)} dataset cards describe cohort '{cohort}'",
            file=registry.path / "datasets",
            remedy="Write one, or name one of them as `dataset` in the experiment.",
        )
    return merge_parts(registry, registry.get(own[0], "dataset"))
