"""The lock: published versions of recipes, by the hash of what they say."""

from __future__ import annotations

from pathlib import Path

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.registry.cards import Card, ResultCard, is_versioned
from neurogenomics_kb.registry.store import CardStore
from neurogenomics_kb.registry.yaml_file import write_atomically

LOCK = "registry.lock"
HEADER = (
    "# Published versions: what these ids say does not change any more. `kedro kb lock` adds ids.\n"
)


def read_lock(folder: Path) -> dict[str, str]:
    """Hash by id, empty where nothing was published yet.

    Raises
    ------
    InputError
        If a line is not ``id hash``.
    """
    file = folder / LOCK
    locked: dict[str, str] = {}
    if not file.exists():
        return locked
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 2 or parts[0] in locked:
            raise InputError(
                f"line {line!r} is not an id and a hash, or the id stands there twice",
                file=f"{file}:{number}",
                remedy="Take the file from version control; do not edit it by hand.",
            )
        locked[parts[0]] = parts[1]
    return locked


def lockable(registry: CardStore) -> dict[str, str]:
    """Hash of every card that can run and whose id carries a version.

    A planned card is a draft of its version and may still change.
    """
    cards = [registry.get(i) for i in registry.ids() if is_versioned(i)]
    return {c.id: c.content_hash for c in cards if is_publishable(c)}


def is_publishable(card: Card) -> bool:
    """Whether a card is a recipe of some version that runs."""
    return is_versioned(card.id) and card.status == "ready" and not isinstance(card, ResultCard)


def write_lock(registry: CardStore) -> list[str]:
    """Publish every versioned card that is not published yet.

    Returns
    -------
    list of str
        Ids that were added.

    Raises
    ------
    InputError
        If a published card changed or is gone.
    """
    locked, current = read_lock(registry.path), lockable(registry)
    there = set(registry.ids())
    gone = [i for i in locked if i not in there]
    changed = [
        i for i, value in locked.items() if i in there and registry.get(i).content_hash != value
    ]
    if changed or gone:
        raise InputError(
            f"published cards changed: {listing(changed)}"
            if changed
            else f"published cards are gone: {listing(gone)}",
            file=registry.path / LOCK,
            remedy="Restore them, and write the change as a new version (…_v2).",
        )
    added = sorted(set(current) - set(locked))
    if added:
        lines = "".join(f"{i} {value}\n" for i, value in sorted({**locked, **current}.items()))
        write_atomically(registry.path / LOCK, HEADER + lines)
    return added
