"""Markdown from cards: whatever a card says stays text."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterable
from typing import Any

from neurogenomics_kb.registry.integrity import LOCAL_FILE


def text(value: str) -> str:
    """Text that stays text: no HTML, no table cell, no macro, one paragraph."""
    escaped = html.escape(" ".join(value.split()), quote=False)
    return re.sub(r"([|`*_\[\]{}#])", r"\\\1", escaped)


def code(value: str) -> str:
    """Inline code, in which Markdown itself escapes what HTML would read."""
    return f"`{' '.join(value.replace('`', '').split())}`"


def fenced(body: str, language: str = "yaml") -> str:
    """Code block whose fence no line of the body can close."""
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body.rstrip()}\n{fence}"


def table(head: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """Markdown table."""
    lines = ["| " + " | ".join(map(str, head)) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def bullets(items: Iterable[str]) -> str:
    """Markdown list."""
    return "\n".join(f"- {item}" for item in items)


def number(value: Any) -> str:
    """Cell for a number or a word."""
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else text(str(value))


def tick(verified: bool) -> str:
    """Whether a fact was looked up."""
    return "yes" if verified else "no"


def source(where: str, here: str) -> str:
    """Link for a DOI, an arXiv id, an address or a page of this site, seen from the page `here`."""
    shown, target = source_of(where, here)
    if target:
        return f"[{shown}]({target})"
    return code(where) if LOCAL_FILE.match(where) else shown


def source_of(where: str, here: str) -> tuple[str, str]:
    """Words and address of a source; no address where it cannot be opened from a page."""
    shown = text(where)
    if where.startswith("doi:"):
        return shown, f"https://doi.org/{html.escape(where[4:])}"
    if where.startswith("arXiv:"):
        return shown, f"https://arxiv.org/abs/{html.escape(where[6:])}"
    if re.match(r"^https://[^\s()<>\[\]\"']+$", where):
        github = re.match(
            r"^https://github\.com/([^/]+/[^/]+)(?:/(?:blob|tree)/([^/]+)/(.+))?$", where
        )
        if github:
            repository, commit, file = github.groups()
            pinned = f"@{commit[:7]}" if commit and re.fullmatch("[0-9a-f]{40}", commit) else ""
            shown = text(": ".join(filter(None, (repository + pinned, file))))
        return shown, where
    if LOCAL_FILE.match(where) and where.startswith("docs/") and where.endswith(".md"):
        return shown, relative(where.removeprefix("docs/"), here)
    return shown, ""


def relative(target: str, here: str) -> str:
    """Path from one page of the documentation to another, both inside its folder."""
    return posixpath.relpath(target, posixpath.dirname(here) or ".")


def web_link(label: str, target: str) -> str:
    """Link to an address whatever letters it holds; empty without one."""
    safe = re.sub(r"[()<>\[\]|\"'\s`*_]", lambda m: f"%{ord(m.group()):02X}", target)
    return f"[{label}]({safe})" if target else ""
