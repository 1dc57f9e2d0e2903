"""The only place that writes results and decisions into the knowledge base."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.cards import DecisionCard, ResultCard
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL, check_disclosure
from neurogenomics_kb.registry.evidence import decision_id, draft_decision, results_of
from neurogenomics_kb.registry.places import is_local, local_file, published_file
from neurogenomics_kb.registry.registry import Registry
from neurogenomics_kb.registry.results import (
    Result,
    check_tables,
    describe_tables,
    read_tables,
    table_folder,
    write_tables,
)
from neurogenomics_kb.registry.yaml_file import dump_yaml, read_yaml

logger = logging.getLogger(__name__)

# Which run said it, and when: all else is what a result is.
OF_THE_RUN = {"created", "mlflow_run_id"}
# What a machine took, in tables and on cards.
TIMES = {"seconds", "minutes"}
# State of a decision that no person took.
DRAFT = "draft"


def publish_result(result: Result, kb: Path, minimum: int = MINIMUM_CELL) -> tuple[str, bool]:
    """Write a result card with its tables, and the draft of the decision that it bears on.

    Both lie in folders that version control does not see until `track_result` publishes them.

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
        False where the same evidence was already there.

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
    file = local_file(kb, "result", card.id)
    known = next((f for f in (file, published_file(kb, "result", card.id)) if f.exists()), None)
    text = dump_yaml(content)
    if known is not None and not is_news(
        stored_result(known), Result(content, result.tables), known
    ):
        return card.id, False
    # The card last: where it is, its tables are.
    write_tables(table_folder(file), result.tables)
    write_text_whole(file, text)
    refresh_decision(kb, card.experiment, card.cohort)
    return card.id, True


def stored_result(file: Path) -> Result:
    """A result as it lies there; tables that cannot be read are missing in it."""
    card = read_yaml(file)[0]
    try:
        return Result(card, read_tables(table_folder(file), card.get("tables") or {}))
    except InputError:
        return Result(card, {})


def is_news(there: Result, new: Result, file: Path) -> bool:
    """Whether a result says more than the one of its id that is there.

    The id stands for recipe, data, parameters, seed and code: running the same again is the same
    evidence, and refreshes a card of this machine.

    Parameters
    ----------
    there, new : Result
        What is there, and what a run found.
    file : Path
        Of the card that is there.

    Raises
    ------
    InputError
        If one run has two cards: somebody changed one of them.
    """
    if there.card == new.card:
        return there.tables != new.tables  # a table was lost or changed
    if there.card.get("mlflow_run_id") == new.card.get("mlflow_run_id"):
        raise InputError(
            "another card has this id",
            file=file,
            remedy="Result cards never change; delete or rename the one that is wrong.",
        )
    created = str(there.card.get("created")), str(new.card.get("created"))
    before, after = evidence_of(there), evidence_of(new)
    other = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
    if not other:
        return is_local(file) and created[0] < created[1]
    if created[1] < created[0]:
        return False  # an older run's, from a tracking server
    logger.warning(
        "%s: the same recipe, data, parameters and code gave another %s before (%s)",
        new.card["id"], listing(other), created[0],
    )  # fmt: skip
    return True


def evidence_of(result: Result) -> dict[str, Any]:
    """What a result says, without which run said it, when, and how long that took.

    Parameters
    ----------
    result : Result
        Card and tables.
    """
    said = {k: v for k, v in result.card.items() if k not in {*OF_THE_RUN, "tables"}}
    return {**_timeless(said), **{f"table {n}": _timeless(t) for n, t in result.tables.items()}}


def _timeless(content: Any) -> Any:
    if isinstance(content, dict):
        return {k: _timeless(v) for k, v in content.items() if k not in TIMES}
    if isinstance(content, list):
        return [_timeless(v) for v in content]
    return content


def track_result(kb: Path, card_id: str) -> list[Path]:
    """Publish a result of this machine: card, tables and the draft of its decision.

    Parameters
    ----------
    kb : Path
        Folder of the knowledge base.
    card_id : str
        Id of the result.

    Returns
    -------
    list of Path
        Files and folders that version control sees now.

    Raises
    ------
    InputError
        If the result was published already.
    """
    registry = Registry(kb)
    card = registry.get(card_id, "result")
    file = registry.file_of(card_id)
    if not is_local(file):
        raise InputError("the result is published", file=file, remedy="Commit it.")
    moved = published_file(kb, "result", card_id)
    write_tables(table_folder(moved), registry.tables(card_id))
    os.replace(file, moved)
    shutil.rmtree(table_folder(file), ignore_errors=True)
    return [moved, table_folder(moved), *_track_decision(kb, card.experiment, card.cohort)]


def _track_decision(kb: Path, experiment: str, cohort: str) -> list[Path]:
    """Publish what published results decide: others have no other results."""
    registry = Registry(kb)
    seen = results_of(registry, experiment, cohort)
    card = draft_decision([r for r in seen if not is_local(registry.file_of(r.id))])
    file = published_file(kb, "decision", decision_id(experiment, cohort))
    if card is None or (file.exists() and read_yaml(file)[0].get("state", DRAFT) != DRAFT):
        return []
    write_text_whole(file, dump_yaml(card.model_dump(mode="json", exclude_defaults=True)))
    refresh_decision(kb, experiment, cohort)
    return [file]


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
        if isinstance(there, DecisionCard) and there.state != DRAFT:
            return None
    text = dump_yaml(card.model_dump(mode="json", exclude_defaults=True))
    published = published_file(registry.path, "decision", name)
    file = local_file(registry.path, "decision", name)
    if published.exists() and read_yaml(published)[0] == yaml.safe_load(text):
        file.unlink(missing_ok=True)
        return published
    write_text_whole(file, text)
    return file
