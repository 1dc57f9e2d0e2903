"""Whether the files that cards cite exist, in clones of the repositories on this machine."""

from __future__ import annotations

import csv
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file
from neurogenomics_kb.registry.cards import ModelCard, ResultCard
from neurogenomics_kb.registry.cards.sources import COMMIT, parse_source
from neurogenomics_kb.registry.registry import Registry

COLUMNS = ["repository", "commit", "path"]
DEPTH = 3
State = Literal["found", "no such file", "no such commit", "no clone"]


class CitedFile(NamedTuple):
    """A file of a repository, and the places of cards that cite it (``card.field``).

    The repository is ``owner/name``, with the host before it where that is not GitHub.
    """

    repository: str
    commit: str
    path: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckedFile:
    """What became of a cited file: where it was looked for and what was seen."""

    file: CitedFile
    state: State
    clone: str = ""


def cited_files(registry: Registry) -> list[CitedFile]:
    """Files of repositories that cards cite, each once, in order of repository and path.

    Parameters
    ----------
    registry : Registry
        Cards that are not valid are left out.
    """
    places: dict[tuple[str, str, str], list[str]] = {}
    for card in registry.sound():
        if isinstance(card, ResultCard):
            continue
        cited = list(card.cited())
        if isinstance(card, ModelCard):
            tree = f"{card.repository.rstrip('/')}/blob/{card.commit}"
            cited += [
                (("walkthrough", i, "file"), f"{tree}/{step.file}")
                for i, step in enumerate(card.walkthrough)
                if step.file
            ]
        for place, text in cited:
            file = parse_source(text)
            if file is not None:
                host = "" if file.host == "github.com" else f"{file.host}/"
                key = (f"{host}{file.repository}", file.commit, file.path)
                places.setdefault(key, []).append(".".join([card.id, *map(str, place)]))
    return [CitedFile(*key, tuple(found)) for key, found in sorted(places.items())]


def read_list(path: Path) -> list[CitedFile]:
    """Files from a table with the columns ``repository``, ``commit`` and ``path``.

    Parameters
    ----------
    path : Path
        Separated by tabs or commas.

    Raises
    ------
    InputError
        If a column is missing or a commit is none.
    """
    with open_file(path, "r", encoding="utf-8", newline="") as stream:
        head = stream.readline()
        separator = "\t" if "\t" in head else ","
        stream.seek(0)
        rows = list(csv.DictReader(stream, delimiter=separator))
    absent = [c for c in COLUMNS if not rows or c not in rows[0]]
    if absent:
        raise InputError(
            f"there is no column '{absent[0]}', or no row",
            file=path,
            column=absent[0],
            remedy=f"Write the columns {', '.join(COLUMNS)}; `ngkb sources` prints such a table.",
        )
    for number, row in enumerate(rows, 2):
        if not COMMIT.fullmatch((row["commit"] or "").strip()):
            raise InputError(
                f"'{row['commit']}' is no commit",
                file=f"{path}:{number}",
                column="commit",
                remedy="Write its 40 hexadecimal digits.",
            )
    return [CitedFile(*((row[c] or "").strip() for c in COLUMNS)) for row in rows]


def check_files(files: Sequence[CitedFile], folder: Path) -> list[CheckedFile]:
    """Look for files in the clones of a folder, at their commits.

    The commit names its content, so it does not matter which copy of a repository a clone is.

    Parameters
    ----------
    files : sequence of CitedFile
        Cited files.
    folder : Path
        Holds clones, with or without a work tree, up to three folders deep. A clone is recognised
        by its remote's address or by its folder's name.

    Returns
    -------
    list of CheckedFile
        In the order of `files`.

    Raises
    ------
    InputError
        If the folder does not exist or git is not installed.
    """
    if not folder.is_dir():
        raise InputError(
            "the folder of clones does not exist",
            file=folder,
            remedy="Clone the repositories that `ngkb sources` lists into one folder.",
        )
    clones = [(git_dir, names_of(git_dir, folder)) for git_dir in find_clones(folder)]
    trees = cache(tree_of)
    return [_check(file, clones, trees) for file in files]


def _check(file: CitedFile, clones, trees) -> CheckedFile:
    wanted = file.repository.lower().split("/")
    full = [d for d, names in clones if "/".join(wanted[-2:]) in names]
    fitting = full or [d for d, names in clones if wanted[-1] in names]
    for git_dir in fitting:
        paths = trees(git_dir, file.commit)
        if paths is None:
            continue
        found = file.path.strip("/") in paths
        return CheckedFile(file, "found" if found else "no such file", str(git_dir))
    state: State = "no such commit" if fitting else "no clone"
    return CheckedFile(file, state, str(fitting[0]) if fitting else "")


def find_clones(folder: Path) -> list[Path]:
    """Git directories below a folder: ``.git`` of work trees, and bare ones."""
    return sorted(_git_dirs(folder, DEPTH))


def _git_dirs(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / ".git").is_dir():
        yield folder / ".git"
    elif (folder / "HEAD").is_file() and (folder / "objects").is_dir():
        yield folder
    elif depth > 0:
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _git_dirs(Path(entry.path), depth - 1)


def names_of(git_dir: Path, folder: Path) -> set[str]:
    """What a clone may be called: ``owner/name`` of its remotes, and names from its folders."""
    config = git_dir / "config"
    text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
    remotes = re.findall(r"^\s*url\s*=\s*\S*?([^/:\s]+/[^/\s]+?)(?:\.git)?/?\s*$", text, flags=re.M)
    parts = [p.removesuffix(".git") for p in git_dir.relative_to(folder).parts if p != ".git"]
    if not parts:
        parts = [git_dir.parent.name if git_dir.name == ".git" else git_dir.name]
    names = {*remotes, *parts, *("/".join(pair) for pair in pairwise(parts))}
    for part in parts:
        # Folders that hold owner and name in one word: owner__name, owner+name, owner--name.
        names.add("/".join(re.split(r"__|\+|--", part, maxsplit=1)))
    return {name.lower() for name in names}


def tree_of(git_dir: Path, commit: str) -> frozenset[str] | None:
    """Paths of files and folders at a commit; None where the clone does not hold it.

    Raises
    ------
    InputError
        If git is not installed.
    """
    command = ["git", "--git-dir", str(git_dir), "ls-tree", "-r", "-t", "-z", "--name-only", commit]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise InputError("git is not installed", remedy="Install git.") from None
    if done.returncode:
        return None
    names = done.stdout.decode("utf-8", errors="surrogateescape").split("\0")
    return frozenset(names)  # the last, empty name stands for the whole tree
