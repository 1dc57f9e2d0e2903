"""Hand-written pages about models, found by the cards that their front matter names."""

from __future__ import annotations

from pathlib import Path

import yaml

FENCE = "---"


def read_guides(docs: str | Path) -> dict[str, str]:
    """Guide of each model card: its path inside the documentation folder, by the card's id.

    A guide is a page whose front matter has ``guide_of: [card, …]``. Where several pages name one
    card, the first in alphabetical order counts.
    """
    docs = Path(docs)
    found: dict[str, str] = {}
    for page in sorted(docs.rglob("*.md")) if docs.is_dir() else ():
        for card_id in front_matter(page.read_text(encoding="utf-8")).get("guide_of", []):
            found.setdefault(str(card_id), page.relative_to(docs).as_posix())
    return found


def front_matter(markdown: str) -> dict:
    """Mapping at the head of a page; empty where there is none."""
    lines = markdown.splitlines()
    if not lines or lines[0].strip() != FENCE or FENCE not in [x.strip() for x in lines[1:]]:
        return {}
    end = [x.strip() for x in lines].index(FENCE, 1)
    try:
        data = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}
