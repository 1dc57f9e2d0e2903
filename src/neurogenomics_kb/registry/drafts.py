"""New cards: a valid skeleton, or a copy of an existing card under a new id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.cards import CARD_TYPES, LAYOUT
from neurogenomics_kb.registry.raw import EXPERIMENTS, IN_RUN_CONFIG
from neurogenomics_kb.registry.registry import Registry
from neurogenomics_kb.registry.yaml_file import dump_yaml

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".gz", ".parquet")
NOT_DRAFTED = {"result": "A run writes result cards; see `kedro kb sync`."}


def new_card(registry: Registry, type_name: str, card_id: str, source: str | None = None) -> Path:
    """Write a new card.

    Parameters
    ----------
    registry : Registry
        The knowledge base.
    type_name : str
        Type of the card.
    card_id : str
        Id of the card.
    source : str, optional
        Card of the same type that is copied, or, for a dataset, a table that is described; a
        skeleton is written otherwise.

    Returns
    -------
    Path
        File that holds the card now.

    Raises
    ------
    InputError
        If the id is taken, the type cannot be drafted, or the copy would not be valid.
    """
    registry.ids(type_name)  # raises for an unknown type
    if type_name in NOT_DRAFTED:
        raise InputError(f"{type_name} cards are not drafted", remedy=NOT_DRAFTED[type_name])
    if card_id in registry.ids():
        raise InputError(
            f"id '{card_id}' is already used",
            file=registry.file_of(card_id),
            remedy="Choose another id, or the next version (…_v2).",
        )
    body = body_of(registry, type_name, source, card_id)
    try:
        CARD_TYPES[type_name].model_validate({**body, "id": card_id})
    except ValueError as error:
        raise InputError(
            f"'{card_id}' would not be a valid {type_name.replace('_', ' ')}: {error}",
            remedy="Ids hold letters, digits, '_', '-' and '.'.",
        ) from None
    if type_name == "experiment":
        return write_experiment(registry, card_id, body)
    place = registry.path / LAYOUT[type_name]
    if place.suffix == ".yaml":
        # Appended as text, so that comments and the order of a file kept by hand survive.
        before = place.read_text(encoding="utf-8").rstrip() if place.exists() else ""
        text = f"{before}\n\n{dump_yaml({card_id: body})}" if before else dump_yaml({card_id: body})
        write_text_whole(place, text)
        return place
    file = place / f"{card_id}.yaml"
    header = f"# yaml-language-server: $schema=../schemas/{type_name}.json\n"
    write_text_whole(file, header + dump_yaml({"id": card_id, **body}))
    return file


def body_of(registry: Registry, type_name: str, source: str | None, card_id: str) -> dict[str, Any]:
    """Content of the new card, without an id."""
    if source is None:
        return CARD_TYPES[type_name].skeleton
    if type_name == "dataset" and source.endswith(TABLE_ENDINGS):
        # pandas takes a second to import, which no other command should pay.
        from neurogenomics_kb.registry.table_draft import draft_dataset

        return draft_dataset(source, card_id)
    registry.get(source, type_name)  # raises if there is no such card, or it is invalid
    # As it is written: what it takes from other cards, the copy takes from them too.
    body = {key: value for key, value in registry.raw(source).body.items() if key != "id"}
    return {**body, "title": f"Copy of {source}"} if body.get("title") else body


def write_experiment(registry: Registry, card_id: str, body: dict[str, Any]) -> Path:
    """Experiment as a Kedro run configuration."""
    file = registry.project / EXPERIMENTS / f"{card_id}.yml"
    config: Any = {"id": card_id, **body}
    for key in reversed(IN_RUN_CONFIG[1:]):
        config = {key: config}
    text = yaml.safe_dump(
        {"run": {"pipeline": "integration", **config}}, sort_keys=False, allow_unicode=True
    )
    write_text_whole(file, f"# kedro run --config {EXPERIMENTS}/{card_id}.yml\n{text}")
    return file
