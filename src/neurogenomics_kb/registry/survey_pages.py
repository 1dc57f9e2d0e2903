"""Pages of the lists that others curate: every entry with its links, found by a search."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from neurogenomics_kb.registry.cards import ModelCard, PaperCard
from neurogenomics_kb.registry.markdown import relative, table, text, web_link
from neurogenomics_kb.registry.survey import AREAS, KINDS, SurveyEntry

if TYPE_CHECKING:
    from neurogenomics_kb.registry.site import Catalogue

FOLDER = "catalogue/survey"
# Rows that do not hold every word typed are hidden; without scripts the whole list stays visible.
FILTER = """<p id="survey-filter" hidden><label>Show entries with <input type="search"></label>
<output></output></p>
<script>
(function () {
  const box = document.getElementById("survey-filter");
  const field = box.querySelector("input");
  const rows = [...document.querySelectorAll("article table tbody tr")];
  box.hidden = false;
  field.addEventListener("input", function () {
    const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => row.textContent.toLowerCase().includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    box.querySelector("output").textContent = shown + " of " + rows.length;
  });
})();
</script>"""
COLUMNS = {
    "method": ["name", "venue", "links", "card here"],
    "survey": ["name", "venue", "links", "card here"],
    "dataset": ["name", "modality", "size", "task", "links"],
    "database": ["name", "links"],
    "other": ["name", "links"],
}


def survey_pages(catalogue: Catalogue) -> dict[str, str]:
    """A page for each kind of entry of each list, by path inside the documentation folder."""
    pages = {}
    for card_id, entries in catalogue.registry.entries().items():
        if card_id in catalogue.cards:
            for kind in KINDS:
                path = path_of_kind(card_id, kind)
                of_kind = [e for e in entries if e.kind == kind]
                pages[path] = kind_page(catalogue, card_id, kind, of_kind, path)
    return pages


def path_of_kind(card_id: str, kind: str) -> str:
    """Page of the entries of a kind."""
    return f"{FOLDER}/{card_id}/{kind}.md"


def counts(catalogue: Catalogue, card_id: str, here: str) -> str:
    """Table of how many entries a list has, by kind and area, each kind linked to its page.

    Raises
    ------
    KeyError
        If the card has no table of entries.
    """
    entries = catalogue.registry.entries().get(card_id)
    if entries is None or card_id not in catalogue.cards:
        raise KeyError(f"{here}: '{card_id}' has no table of entries")
    areas = [*AREAS.values(), ""]
    rows = []
    for kind, title in KINDS.items():
        number = Counter(e.area for e in entries if e.kind == kind)
        link = f"[{title}]({relative(path_of_kind(card_id, kind), here)})"
        rows.append([link, *(number[a] or "" for a in areas), sum(number.values())])
    total = [sum(e.area == a for e in entries) for a in areas]
    rows.append(["**all**", *total, f"**{len(entries)}**"])
    return table(["entries", *areas[:-1], "no area", "number"], rows)


def kind_page(
    catalogue: Catalogue, card_id: str, kind: str, entries: list[SurveyEntry], here: str
) -> str:
    """Entries of one kind, below a heading for each area and year."""
    card = catalogue.cards[card_id]
    parts = [
        f"# {KINDS[kind]} of the list",
        f"{len(entries)} entries of {catalogue.link(card_id, here)}: "
        f"{text(card.title)}. Names and links are the list's; nothing here was tried or judged.",
        FILTER,
    ]
    known = cards_by_link(catalogue)
    groups: dict[tuple[str, int | None], list[SurveyEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.area, entry.year), []).append(entry)
    for (area, year), members in groups.items():
        title = " ".join(filter(None, [area.capitalize(), str(year or "")])) or KINDS[kind]
        rows = [row(catalogue, entry, known, here) for entry in members]
        parts.append(f"## {title}\n\n{table(COLUMNS[kind], rows)}")
    return "\n\n".join(parts) + "\n"


def row(catalogue: Catalogue, entry: SurveyEntry, known: dict[str, str], here: str) -> list[str]:
    """Cells of an entry."""
    links = [web_link(what, getattr(entry, what)) for what in ("paper", "code", "data")]
    shown = " ".join(filter(None, links))
    if entry.kind in ("method", "survey"):
        card = next((known[k] for k in keys_of(entry) if k in known), "")
        return [text(entry.name), text(entry.venue), shown,
                catalogue.link(card, here) if card else ""]  # fmt: skip
    if entry.kind == "dataset":
        return [text(entry.name), text(entry.modality), text(entry.scale), text(entry.task), shown]
    return [text(entry.name), shown]


def cards_by_link(catalogue: Catalogue) -> dict[str, str]:
    """Model and paper cards by what identifies them in a list: repository, arXiv id, DOI."""
    found: dict[str, str] = {}
    for card in catalogue.cards.values():
        if isinstance(card, ModelCard) and card.repository:
            found.setdefault(repository_key(card.repository), card.id)
    for card in catalogue.cards.values():
        if isinstance(card, PaperCard):
            target = model_of(card, catalogue)
            for key in (f"arxiv:{card.arxiv}" if card.arxiv else "", doi_key(card.doi)):
                if key:
                    found.setdefault(key, target)
    return found


def model_of(card: PaperCard, catalogue: Catalogue) -> str:
    """Model card that a paper describes, or the paper itself."""
    return next((m for m in card.models if m in catalogue.cards), card.id)


def keys_of(entry: SurveyEntry) -> list[str]:
    """What identifies an entry."""
    arxiv = re.search(r"arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5})", entry.paper)
    doi = re.search(r"(10\.\d{4,}/[^?#]+|nature\.com/articles/[^?#/]+)", entry.paper)
    return [
        *([repository_key(entry.code)] if entry.code else []),
        *([f"arxiv:{arxiv.group(1)}"] if arxiv else []),
        *([doi_key(doi.group(1).replace("nature.com/articles/", "10.1038/"))] if doi else []),
    ]


def repository_key(address: str) -> str:
    """Repository of an address, so that spellings of one compare equal."""
    match = re.search(r"(github\.com|huggingface\.co)/([^/]+/[^/?#]+)", address.lower())
    return "/".join(match.groups()).removesuffix(".git") if match else address.lower()


def doi_key(doi: str) -> str:
    """DOI without the version that preprint servers add."""
    return f"doi:{re.sub(r'(v[0-9]+)?(.full|.pdf)*$', '', doi.lower())}" if doi else ""
