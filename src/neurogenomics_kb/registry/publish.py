"""The only place that writes results and decisions into the knowledge base."""

from __future__ import annotations

from pathlib import Path

import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.cards import LAYOUT, DecisionCard, ResultCard
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL, check_disclosure
from neurogenomics_kb.registry.evidence import decision_id, draft_decision, results_of
from neurogenomics_kb.registry.registry import Registry
from neurogenomics_kb.registry.results import (
    Result,
    check_tables,
    describe_tables,
    table_folder,
    write_tables,
)
from neurogenomics_kb.registry.yaml_file import dump_yaml, read_yaml


def publish_result(result: Result, kb: Path, minimum: int = MINIMUM_CELL) -> tuple[str, bool]:
    """Write a result card with its tables, and the draft of the decision that it bears on.

    Parameters
    ----------
    result : Result
        Card and tables.
    kb : Path
        Folder of the knowledge base.
    minimum : int
        Smallest count of subjects that may be shown.

    Returns
    -------
    card_id : str
    new : bool
        False where the same card was already there.

    Raises
    ------
    InputError
        If the card is not valid, would disclose subjects, has other tables than it names, or
        another card has its id.
    """
    try:
        card = ResultCard.model_validate(result.card)
    except ValueError as error:
        raise InputError(
            f"not a valid result card: {error}", remedy="Results are written by runs."
        ) from None
    if describe_tables(result.tables) != card.tables:
        raise InputError(
            "the tables beside the card are not those that it names",
            file=card.id,
            remedy="Results are written by runs.",
        )
    content = card.model_dump(mode="json", exclude_defaults=True)
    # Identifiers were looked for where the cohort was at hand; here the shape is checked again,
    # for cards that come from elsewhere.
    check_disclosure(content, (), n_subjects=card.n_subjects, minimum=minimum, where=card.id)
    check_tables(result.tables, (), minimum, n=card.n_subjects)
    file = kb / LAYOUT["result"] / f"{card.id}.yaml"
    text = dump_yaml(content)
    if file.exists():
        there, _ = read_yaml(file)
        if there != yaml.safe_load(text):
            raise InputError(
                "another card has this id",
                file=file,
                remedy="Result cards never change; delete or rename the one that is wrong.",
            )
        write_tables(table_folder(file), result.tables)
        return card.id, False
    # The card last: where it is, its tables are.
    write_tables(table_folder(file), result.tables)
    write_text_whole(file, text)
    refresh_decision(kb, card.experiment, card.cohort)
    return card.id, True


def refresh_decision(kb: Path, experiment: str, cohort: str) -> Path | None:
    """Draft of the decision, made from all results there are; a person's decision is kept.

    Where two runs end together, one may have read the results before the other's was there; so
    the results are looked at again after writing.
    """
    while True:
        registry = Registry(kb)
        seen = registry.ids("result")
        file = write_decision(registry, experiment, cohort)
        if file is None or Registry(kb).ids("result") == seen:
            return file


def write_decision(registry: Registry, experiment: str, cohort: str) -> Path | None:
    """Write the draft that the results give, if they can and no person decided."""
    card = draft_decision(results_of(registry, experiment, cohort))
    if card is None:
        return None
    name = decision_id(experiment, cohort)
    if name in registry.ids("decision"):
        there = registry.get(name, "decision")
        if isinstance(there, DecisionCard) and there.state != "draft":
            return None
    file = registry.path / LAYOUT["decision"] / f"{name}.yaml"
    write_text_whole(file, dump_yaml(card.model_dump(mode="json", exclude_defaults=True)))
    return file
