"""Where a fact stands, and files of repositories by commit, so that a citation cannot move."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

FORGES = "github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "huggingface.co"
RAW = "raw.githubusercontent.com"
COMMIT = re.compile(r"[0-9a-f]{40}")
ADDRESS = re.compile(r"https?://(?:www\.)?(?P<host>[\w.-]+)/(?P<rest>[^#?\s]*)(?P<tail>[#?]\S*)?")
VIEWS = ("blob", "tree", "raw", "resolve", "src", "blame", "edit")
# Places of a forge that stay what they are without a commit.
LASTING = ("issues", "pull", "pulls", "discussions", "releases", "commit", "merge_requests")


class RepositoryFile(NamedTuple):
    """A file (or folder) of a repository at a commit.

    Parameters
    ----------
    host : str
        Where the repository lies.
    repository : str
        ``owner/name``.
    commit : str
        Commit, or the branch or tag that the address names instead.
    path : str
        Inside the repository; empty for the whole tree.
    """

    host: str
    repository: str
    commit: str
    path: str

    @property
    def pinned(self) -> bool:
        """Whether the address names a commit and not a branch or tag."""
        return COMMIT.fullmatch(self.commit) is not None


def parse_source(source: str) -> RepositoryFile | None:
    """File of a repository that an address names; None for everything else."""
    match = ADDRESS.fullmatch(source.strip())
    if match is None:
        return None
    parts = [unquote(part) for part in match["rest"].split("/") if part]
    if match["host"] == RAW and len(parts) > 3:
        owner, name, *rest = parts
        rest = rest[2:] if rest[:2] == ["refs", "heads"] else rest
        return RepositoryFile("github.com", f"{owner}/{name}", rest[0], "/".join(rest[1:]))
    if match["host"] not in FORGES:
        return None
    if parts[:1] in (["datasets"], ["spaces"]):
        parts = ["/".join(parts[:2]), *parts[2:]]
    parts = [part for part in parts if part != "-"]
    if len(parts) < 4 or parts[2] not in VIEWS:
        return None
    return RepositoryFile(match["host"], "/".join(parts[:2]), parts[3], "/".join(parts[4:]))


def require_pinned(source: str) -> str:
    """Source that stays what it is: a file of a repository carries its commit.

    Parameters
    ----------
    source : str
        DOI, arXiv id, file of this project, or an address.

    Raises
    ------
    ValueError
        If it names a file at a branch or tag, or a repository without a file.
    """
    file = parse_source(source)
    if file is not None and not file.pinned:
        raise ValueError(
            f"names '{file.path or file.repository}' at '{file.commit}', which moves: write the "
            "commit (40 hexadecimal digits) instead"
        )
    if file is None and _is_bare_repository(source):
        raise ValueError(
            "names a repository and no file of it: write the address of the file, with the commit"
        )
    return source


def _is_bare_repository(source: str) -> bool:
    match = ADDRESS.fullmatch(source.strip())
    if match is None or match["host"] not in FORGES[:4]:
        return False
    parts = [part for part in match["rest"].split("/") if part and part != "-"]
    return len(parts) == 2 or (len(parts) > 2 and parts[2] not in (*VIEWS, *LASTING))
