"""``python -m tests.chaos [kills] [aimed] [races] [hostile] [broken] [disks] [rights]``.

Tries, prints and stores the figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from tests.chaos.broken import broken_files, import_first
from tests.chaos.disk import PLACES, can_mount, full_disks, lost_rights, unmount, without_powers
from tests.chaos.ground import Attempt, Ground
from tests.chaos.hostile import HOSTILE, hostile_files
from tests.chaos.kills import POINTS, aimed_kills, random_kills
from tests.chaos.races import races
from tests.conftest import ROOT, Project

STORE = ROOT / "docs/reference/survived.json"
PAGE = ROOT / "docs/reference/survives.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
KINDS = {
    "kills": "runs killed at a random moment, then resumed",
    "aimed": "runs killed at a step that makes something visible, then resumed",
    "races": "pairs of runs of one cohort at once",
    "hostile": "files made to hang, fill memory, execute or reach elsewhere",
    "broken": "tables, cards and YAML broken at random, given to the command line",
    "disks": "runs on a disk that fills up, then resumed",
    "rights": "runs where something may not be written, then resumed",
}


def attempts(kind: str, ground: Callable[[], Ground], folder: Path, n: int | None):
    """Attempts of a kind, made one after the other."""
    if kind == "kills":
        yield from random_kills(ground(), n or 60)
    elif kind == "aimed":
        yield from aimed_kills(ground(), POINTS[: n or None])
    elif kind == "races":
        yield from races(ground(), n or 20)
    elif kind == "hostile":
        yield from hostile_files(folder, range(n or len(HOSTILE)))
    elif kind == "broken":
        import_first()
        yield from broken_files(Project(folder / "broken"), n or 100)
    elif kind == "rights":
        before = without_powers()
        if before is None:
            print("rights: left out, since root writes anywhere and there is no setpriv")
            return
        yield from lost_rights(Ground.learnt(folder / "rights", before), n or len(PLACES))
    elif can_mount(folder / "disk"):
        try:
            yield from full_disks(Ground.learnt(folder / "disk/project"), folder / "disk", n or 8)
        finally:
            unmount(folder / "disk")
    else:
        print("disks: left out, since only root may mount one of limited size")


def store(kind: str, made: list[Attempt]) -> None:
    """Replace the stored figures of a kind."""
    known = json.loads(STORE.read_text(encoding="utf-8")) if STORE.is_file() else {}
    known[kind] = {
        "what": KINDS[kind],
        "attempts": len(made),
        "survived": sum(not a.faults for a in made),
        "fell": [vars(a) for a in made if a.faults],
        "date": datetime.now(UTC).date().isoformat(),
    }
    STORE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def write_page() -> None:
    """Put the stored figures between the marks of the page."""
    known = json.loads(STORE.read_text(encoding="utf-8")) if STORE.is_file() else {}
    lines = ["| tried | attempts | survived | date |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {told['what']} | {told['attempts']} | {told['survived']} | {told['date']} |"
        for kind in KINDS
        if (told := known.get(kind))
    ]
    fell = [f for told in known.values() for f in told["fell"]]
    lines += ["", *(f"- Fell: {f['what']}: {'; '.join(f['faults'])}." for f in fell)]
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    made = "\n".join(lines).rstrip() if known else "Nothing is stored yet."
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> None:
    """Try, print, store."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--n", type=int, help="attempts of each kind")
    parser.add_argument("--no-store", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ground = cache(lambda: Ground.learnt(folder / "project"))
        for kind in chosen.kinds:
            made = []
            for attempt in attempts(kind, ground, folder, chosen.n):
                made.append(attempt)
                print(f"{kind}: {attempt.what}: {'; '.join(attempt.faults) or 'survived'}",
                      flush=True)  # fmt: skip
            print(f"{kind}: {sum(not a.faults for a in made)} of {len(made)} survived")
            if made and not chosen.no_store:
                store(kind, made)
                write_page()


if __name__ == "__main__":
    main()
