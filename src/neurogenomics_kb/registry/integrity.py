"""What must hold between cards, and between cards and the project around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import neurogenomics_kb
from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.registry.cards import (
    Card,
    DatasetCard,
    EmbeddingStrategy,
    Experiment,
)
from neurogenomics_kb.registry.cards.datasets import NAMING_ROLES, QUALITY_COVARIATES
from neurogenomics_kb.registry.cohorts import merge_parts
from neurogenomics_kb.registry.lock import (
    LOCK,
    changes_since_publication,
    describe_change,
    lockable_of,
    published_sets,
    read_lock,
)
from neurogenomics_kb.registry.raw import Problem, Raw, problem_at
from neurogenomics_kb.registry.store import CardStore
from neurogenomics_kb.registry.survey import FOLDER, read_table, tables_of

# `id.field` in the text of a page; {{ kb:id.field }} and its relatives, which the site fills in.
CITED_FIELD = re.compile(
    r"`([A-Za-z0-9][\w-]*)((?:\.[A-Za-z0-9_]+)+)`|\{\{\s*kb(-\w+)?:([^}\s]+)\s*\}\}"
)
WITHOUT_CARD = {"-encoders"}  # take a modality
CITED_ID = re.compile(r"`([a-z][a-z0-9_]*_v\d+)`")
FILE_ENDINGS = {"yaml", "yml", "md", "html", "py", "csv", "json", "tsv", "lock", "png", "parquet"}
# Not in the wheel, of which `ngkb init` makes a project.
LEFT_OUT = {"docs", "tests", "scripts"}
PACKAGE = Path(neurogenomics_kb.__file__).parent
LOCAL_FILE = re.compile(r"^((?:docs|src|kb|conf|tests|scripts)/[\w./-]+)(?:[#:].*)?$")


def check_integrity(registry: CardStore) -> Iterator[Problem]:
    """Dangling references, missing columns and files, changed versions, pages that cite nothing.

    Parameters
    ----------
    registry : CardStore
        The cards.

    Yields
    ------
    Problem
    """
    sound = {card.id: card for card in registry.sound()}
    for card in sound.values():
        raw = registry.raw(card.id)
        yield from check_references(registry, card, raw)
        yield from check_files(registry, card, raw)
        yield from check_columns(registry, card, raw)
        yield from check_names(card, raw)
    yield from check_lock(registry, sound)
    yield from check_surveys(registry, sound)
    yield from check_pages(registry, sound)


def check_references(registry: CardStore, card: Card, raw: Raw) -> Iterator[Problem]:
    """Ids that a card names must exist and be of the right type."""
    for place, kind, wanted in card.references():
        among = registry.ids(kind)
        if wanted not in among:
            name = kind.replace("_", " ")
            yield problem_at(raw, place, f"there is no {name} '{wanted}'{nearest(wanted, among)}")
    if isinstance(card, Experiment) and card.fusion and card.fusion in registry.ids("fusion"):
        planned = registry.get(card.fusion)
        if planned.status == "planned" and card.status == "ready":
            yield problem_at(raw, ("fusion",), f"'{card.fusion}' is planned: {planned.reason}")


def check_files(registry: CardStore, card: Card, raw: Raw) -> Iterator[Problem]:
    """Files of this project that a card names must exist."""
    for place, name in named_files(card):
        if is_left_out(registry.project, name) or (registry.project / name).exists():
            continue
        # Of a project of an installed package, the code is where the package is.
        if not (PACKAGE.parent / name.removeprefix("src/")).exists():
            yield problem_at(raw, place, f"there is no file '{name}'")


def named_files(card: Card) -> list[tuple[tuple[str | int, ...], str]]:
    """Files of this project that a card names, and where it does."""
    code = [(("code", i), text) for i, text in enumerate(getattr(card, "code", []))]
    matches = [(place, LOCAL_FILE.match(text)) for place, text in [*card.cited(), *code]]
    return [(place, match.group(1)) for place, match in matches if match]


def is_left_out(project: Path, name: str) -> bool:
    """Whether a file belongs to a part of the checkout that a project of a package has not."""
    part = name.split("/")[0]
    return (
        part in LEFT_OUT and (project / "pyproject.toml").exists() and not (project / part).exists()
    )


def not_looked_for(registry: CardStore) -> int:
    """How many files named on cards are of parts that this project has not.

    Parameters
    ----------
    registry : CardStore
        The cards.
    """
    named = {name for card in registry.sound() for _, name in named_files(card)}
    return sum(is_left_out(registry.project, name) for name in named)


def check_columns(registry: CardStore, card: Card, raw: Raw) -> Iterator[Problem]:
    """Confounds of a strategy, and columns of an experiment, must be in the dataset card."""
    dataset_id = getattr(card, "dataset", None)
    if not isinstance(card, EmbeddingStrategy | Experiment) or not dataset_id:
        return
    try:
        dataset = registry.get(dataset_id, "dataset")
    except InputError:
        return  # reported as a dangling reference or by itself
    known = columns_of(registry, dataset)
    if isinstance(card, EmbeddingStrategy):
        wanted = [
            (("preprocessing", i, "confounds", j), name)
            for i, step in enumerate(card.preprocessing)
            if step.step == "residualize"
            for j, name in enumerate(step.confounds)
        ]
    else:
        wanted = [(("outcome",), card.outcome)]
        wanted += [(("associations", i), name) for i, name in enumerate(card.associations)]
    for place, name in wanted:
        if name not in known:
            yield problem_at(
                raw, place,
                f"dataset '{dataset.id}' has no column '{name}'{nearest(name, known)}"
                f"{taken_from(raw, place, name)}",
            )  # fmt: skip


def check_names(card: Card, raw: Raw) -> Iterator[Problem]:
    """Codes of sites, batches and groups are read as names, and the card should say so."""
    if not isinstance(card, DatasetCard) or raw is None:
        return
    for name, table in card.tables.items():
        written = raw.body.get("tables", {}).get(name, {}).get("columns", {})
        for source, column in table.columns.items():
            # What is written, since the model has it as a category already.
            stated = written.get(source, {}).get("type")
            if column.role in NAMING_ROLES and stated in ("number", "binary"):
                yield problem_at(
                    raw, ("tables", name, "columns", source, "type"),
                    f"a column of role '{column.role}' holds names, and is read as a category; "
                    f"write type: category instead of {stated}",
                )  # fmt: skip


def taken_from(raw: Raw, place: tuple, name: str) -> str:
    """Which confound set a column comes from that a strategy does not list itself."""
    if place[0] != "preprocessing":
        return ""
    step = raw.body["preprocessing"][place[1]]
    listed = name in step.get("confounds", [])
    return "" if listed else f" (from confound set '{step['set']}')"


def columns_of(registry: CardStore, dataset: DatasetCard) -> set[str]:
    """Canonical columns of the cohort that a dataset card belongs to, and of its modalities."""
    root = registry.get(dataset.part_of, "dataset") if dataset.part_of else dataset
    tables = merge_parts(registry, root).tables.values()
    named = {column.name for table in tables for column in table.columns.values()}
    return named | set(QUALITY_COVARIATES)


def check_lock(registry: CardStore, sound: dict[str, Card]) -> Iterator[Problem]:
    """A published version must say what it said when it was published."""
    try:
        locked, changes = read_lock(registry.path), changes_since_publication(registry)
    except InputError as error:
        yield Problem(str(registry.path / LOCK), 1, "", str(error))
        return
    for card_id in changes.gone:
        yield Problem(
            str(registry.path / LOCK), 1, card_id,
            f"the published card is gone{nearest(card_id, registry.ids())}; restore it",
        )  # fmt: skip
    for card_id in changes.own:
        yield problem_at(
            registry.raw(card_id), (),
            f"'{card_id}' is published with hash {locked[card_id]} and now has "
            f"{sound[card_id].content_hash}; restore it and write the change as a new version",
        )  # fmt: skip
    before = published_sets(registry.path) if changes.sets else {}
    for card_id, strategies in changes.sets.items():
        what = describe_change(before[card_id], sound[card_id])
        yield problem_at(
            registry.raw(card_id), (),
            f"'{card_id}' changed ({what}), and with it {len(strategies)} published strategies "
            f"({listing(strategies, 3)}); restore it, or publish what it makes of them with "
            "`kedro kb lock --accept-sets`",
        )  # fmt: skip
    if (registry.path / LOCK).exists():
        for card_id in lockable_of(sound):
            if card_id not in locked:
                yield problem_at(
                    registry.raw(card_id), (), "is not published yet; `kedro kb lock` does it"
                )


def check_surveys(registry: CardStore, sound: dict[str, Card]) -> Iterator[Problem]:
    """Tables of curated lists must belong to a catalogue's card and hold entries only."""
    tables = tables_of(registry.path)
    for file in sorted((registry.path / FOLDER).glob("*.csv")):
        if file.stem not in tables:
            yield Problem(str(file), 1, "", "is no file of the knowledge base")
    for card_id, file in tables.items():
        card = sound.get(card_id)
        if not isinstance(card, DatasetCard) or card.kind != "catalogue":
            near = nearest(card_id, registry.ids("dataset"))
            yield Problem(str(file), 1, "", f"there is no catalogue '{card_id}'{near}")
        try:
            read_table(file)
        except InputError as error:
            yield Problem(str(file), 1, "", str(error))


def check_pages(registry: CardStore, sound: dict[str, Card]) -> Iterator[Problem]:
    """Ids and fields that the documentation cites must exist."""
    docs = registry.project / "docs"
    for page in sorted(docs.rglob("*.md")) if docs.is_dir() else ():
        yield from check_page(page, registry, sound)


def check_page(page: Path, registry: CardStore, sound: dict[str, Card]) -> Iterator[Problem]:
    """Citations of one page."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for match in CITED_FIELD.finditer(line):
            if match.group(3) in WITHOUT_CARD:
                continue
            must_exist = match.group(4) is not None
            cited = match.group(4) or match.group(1) + match.group(2)
            card_id, _, field = cited.partition(".")
            if match.group(3) == "-fact":
                field = f"facts.{field}"
            if card_id not in sound:
                if must_exist:
                    near = nearest(card_id, registry.ids())
                    yield Problem(str(page), number, cited, f"there is no card '{card_id}'{near}")
                continue
            if field.rsplit(".", 1)[-1] in FILE_ENDINGS:
                continue
            try:
                field_value(sound[card_id], field)
            except KeyError as error:
                yield Problem(str(page), number, cited, str(error.args[0]))
        for card_id in CITED_ID.findall(line):
            if card_id not in registry.ids():
                near = nearest(card_id, registry.ids())
                yield Problem(str(page), number, card_id, f"there is no card '{card_id}'{near}")


def field_value(card: Card, field: str) -> Any:
    """Value of a dotted field of a card.

    Raises
    ------
    KeyError
        With a message, if the card has no such field.
    """
    value: Any = card
    for part in filter(None, field.split(".")):
        if isinstance(value, BaseModel):
            names = [*type(value).model_fields, "content_hash"]
            if part not in names:
                raise KeyError(f"card '{card.id}' has no field '{field}'{nearest(part, names)}")
            value = getattr(value, part)
        elif isinstance(value, dict):
            if part not in value:
                raise KeyError(f"card '{card.id}' has no field '{field}'{nearest(part, value)}")
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise KeyError(f"card '{card.id}' has no field '{field}'")
    return value
