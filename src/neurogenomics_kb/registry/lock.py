"""The lock: published versions of recipes, by the hash of what they say.

A line is ``id hash``. Hashes are taken of resolved cards, so it makes no difference whether a
strategy lists its confounds or names a set that does; a changed set changes the hash of all
strategies that name it. So that a change of a set can be told from a change of a strategy, the
sets that published strategies name are published too, with their content: ``id hash content``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.cards import (
    CARD_TYPES,
    Card,
    ConfoundSet,
    EmbeddingStrategy,
    ResultCard,
    is_versioned,
)
from neurogenomics_kb.registry.store import CardStore

LOCK = "registry.lock"
HEADER = (
    "# Published versions: what these ids say does not change any more. `kedro kb lock` adds ids.\n"
)


def read_lock(folder: Path) -> dict[str, str]:
    """Hash by id, empty where nothing was published yet.

    Raises
    ------
    InputError
        If a line is not ``id hash``, with the content of a confound set after it.
    """
    return {card_id: value for card_id, (value, _) in _read_lines(folder).items()}


def published_sets(folder: Path) -> dict[str, ConfoundSet]:
    """Confound sets as they were when strategies that name them were published.

    Raises
    ------
    InputError
        If the lock cannot be read.
    """
    return {
        card_id: ConfoundSet.model_validate({"id": card_id, **content})
        for card_id, (_, content) in _read_lines(folder).items()
        if content is not None
    }


def _read_lines(folder: Path) -> dict[str, tuple[str, dict[str, Any] | None]]:
    file = folder / LOCK
    locked: dict[str, tuple[str, dict[str, Any] | None]] = {}
    if not file.exists():
        return locked
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        card_id, value, content = [*line.split(maxsplit=2), "", "", ""][:3]
        try:
            parsed = json.loads(content) if content else None
            sound = bool(value) and isinstance(parsed, dict | None) and card_id not in locked
        except json.JSONDecodeError:
            sound = False
        if not sound:
            raise InputError(
                f"line {line!r} is not an id and a hash, or the id stands there twice",
                file=f"{file}:{number}",
                remedy="Take the file from version control; do not edit it by hand.",
            )
        locked[card_id] = (value, parsed)
    return locked


def lockable_of(cards: dict[str, Card]) -> dict[str, Card]:
    """Cards that can run and whose id carries a version, and the confound sets that they name.

    A planned card is a draft of its version and may still change.

    Parameters
    ----------
    cards : dict of str to Card
        All valid cards by id.
    """
    found = {card.id: card for card in cards.values() if is_publishable(card)}
    named = [name for card in found.values() for name in getattr(card, "confound_sets", ())]
    return {**found, **{name: cards[name] for name in named}}


def is_needed(registry: CardStore, card_id: str) -> bool:
    """Whether publishing looks at a card; others may be invalid without being in the way."""
    return is_versioned(card_id) or registry.type_of(card_id) == ConfoundSet.type_name


def is_publishable(card: Card) -> bool:
    """Whether a card is a recipe of some version that runs."""
    return is_versioned(card.id) and card.status == "ready" and not isinstance(card, ResultCard)


@dataclass(frozen=True)
class Changes:
    """What no longer says what was published.

    Attributes
    ----------
    own : list of str
        Cards that say something else by themselves.
    sets : dict of str to list of str
        Changed confound sets, and the published strategies that say something else only by them.
    gone : list of str
        Ids without a card.
    """

    own: list[str]
    sets: dict[str, list[str]]
    gone: list[str]


def changes_since_publication(registry: CardStore) -> Changes:
    """Compare the cards with the lock; cards that are not valid are left to validation.

    Raises
    ------
    InputError
        If the lock cannot be read.
    """
    locked, then = read_lock(registry.path), published_sets(registry.path)
    sound = {card.id: card for card in registry.sound() if card.id in locked}
    differing = [i for i, card in sound.items() if card.content_hash != locked[i]]
    sets: dict[str, list[str]] = {i: [] for i in differing if i in then}
    own = []
    for card_id in differing:
        if card_id in sets:
            continue
        card = sound[card_id]
        by_sets = [name for name in getattr(card, "confound_sets", ()) if name in sets]
        if by_sets and hash_with(registry, card_id, then) == locked[card_id]:
            for name in by_sets:
                sets[name].append(card_id)
        else:
            own.append(card_id)
    return Changes(own, sets, [i for i in locked if i not in registry.ids()])


def hash_with(registry: CardStore, card_id: str, sets: dict[str, ConfoundSet]) -> str:
    """Hash of a strategy as it is written, with the given confound sets where there are such."""
    written = CARD_TYPES[EmbeddingStrategy.type_name].model_validate(registry.raw(card_id).body)
    return written.resolved(
        lambda name, kind: sets.get(name) or registry.get(name, kind)
    ).content_hash


def describe_change(before: ConfoundSet, after: ConfoundSet) -> str:
    """Which confounds of a set came, went or bend otherwise."""
    told = []
    for field in ("columns", "optional", "categorical"):
        old, new = getattr(before, field), getattr(after, field)
        told += [f"{field} + {c}" for c in new if c not in old]
        told += [f"{field} − {c}" for c in old if c not in new]
        if set(old) == set(new) and old != new:
            told.append(f"{field} in another order")
    old, new = (["×".join(pair) for pair in card.products] for card in (before, after))
    told += [f"products + {pair}" for pair in new if pair not in old]
    told += [f"products − {pair}" for pair in old if pair not in new]
    for name in sorted({*before.smooth, *after.smooth}):
        old, new = (card.smooth.get(name, "straight") for card in (before, after))
        if old != new:
            told.append(f"smooth {name}: {old} → {new}")
    return listing(told)


def write_lock(registry: CardStore, accept_sets: bool = False) -> list[str]:
    """Publish every versioned card that is not published yet.

    Parameters
    ----------
    registry : CardStore
        The cards.
    accept_sets : bool
        Publish changed confound sets too, and with them what they make of published strategies.
        A strategy whose own text changed is refused all the same.

    Returns
    -------
    list of str
        Ids that were added or published anew.

    Raises
    ------
    InputError
        If a published card changed or is gone.
    """
    locked = read_lock(registry.path)
    current = lockable_of({i: registry.get(i) for i in registry.ids() if is_needed(registry, i)})
    changes = changes_since_publication(registry)
    if changes.own or changes.gone:
        raise InputError(
            f"published cards changed: {listing(changes.own)}"
            if changes.own
            else f"published cards are gone: {listing(changes.gone)}",
            file=registry.path / LOCK,
            remedy="Restore them, and write the change as a new version (…_v2).",
        )
    if changes.sets and not accept_sets:
        concerned = {card_id for named in changes.sets.values() for card_id in named}
        raise InputError(
            f"confound sets changed: {listing(changes.sets)}, and with them "
            f"{len(concerned)} published strategies",
            file=registry.path / LOCK,
            remedy="Restore them, or publish what they make of these strategies with "
            "`kedro kb lock --accept-sets`.",
        )
    renewed = {*changes.sets, *(i for named in changes.sets.values() for i in named)}
    added = sorted((set(current) - set(locked)) | renewed)
    if added:
        lines = dict(_read_lines(registry.path))
        for card_id in added:
            card = registry.get(card_id)
            content = card.content if isinstance(card, ConfoundSet) else None
            lines[card_id] = (card.content_hash, content)
        text = "".join(_line(i, *line) for i, line in sorted(lines.items()))
        write_text_whole(registry.path / LOCK, HEADER + text)
    return added


def _line(card_id: str, value: str, content: dict[str, Any] | None) -> str:
    written = {k: v for k, v in (content or {}).items() if k != "id"}
    told = "" if content is None else f" {json.dumps(written, ensure_ascii=False)}"
    return f"{card_id} {value}{told}\n"
