"""Summaries of papers in words of our own, made from the paper cards; PDFs by link only."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from neurogenomics_kb.registry.cards import IntegrationPrinciple, PaperCard, ResultCard
from neurogenomics_kb.registry.markdown import (
    bullets,
    code,
    relative,
    source,
    table,
    text,
    tick,
    web_link,
)

if TYPE_CHECKING:
    from neurogenomics_kb.registry.site import Catalogue

FOLDER = "generated/kb_curated"
PAPERS, PDFS, NOTES = (
    f"{FOLDER}/{name}" for name in ("papers-md", "papers-pdf", "integration_cards")
)
MARK = (
    "<!-- Made by scripts/build_summaries.py from the cards in kb/; changes made here are lost. -->"
)
# Names under which earlier notes of this knowledge base cite two of the papers.
OTHER_NAMES = {
    "reverse-complement-consistency_2025": "rccr_2025",
    "systems-algorithms-multihybrid_2025": "systems_multihybrid_2025",
}
KINDS = {
    "model": "Models", "method": "Methods", "principle": "Principles of integration",
    "prior_work": "Prior work", "guide": "Guides", "resource": "Cohorts and resources",
}  # fmt: skip


def summary_files(catalogue: Catalogue) -> dict[str, str]:
    """Files that are kept in ``docs/``: Markdown by path inside the documentation folder."""
    papers = [c for c in catalogue.of_type("paper") if isinstance(c, PaperCard)]
    files = {f"{PAPERS}/{p.id}.md": summary(catalogue, p) for p in papers}
    known = {p.id for p in papers}
    files |= {
        f"{PAPERS}/{name}.md": moved(card_id)
        for name, card_id in OTHER_NAMES.items()
        if card_id in known
    }
    files[f"{PAPERS}/index.md"] = index(catalogue, papers)
    files[f"{PDFS}/index.md"] = pdf_index(papers)
    files[f"{NOTES}/index.md"] = principles(catalogue)
    return files


def pdf_pages(catalogue: Catalogue) -> dict[str, str]:
    """Pages of the site at ``papers-pdf/<card>.pdf`` that lead to where a PDF is published."""
    return {
        f"{PDFS}/{p.id}.pdf.md": (
            f"# {text(p.title)}\n\nThe PDF is not kept here. {'; '.join(places(p))}\n\n"
            f"[Summary]({relative(f'{PAPERS}/{p.id}.md', f'{PDFS}/{p.id}.pdf.md')})\n"
        )
        for p in catalogue.of_type("paper")
        if isinstance(p, PaperCard)
    }


def summary(catalogue: Catalogue, card: PaperCard) -> str:
    """Summary of one paper."""
    here = f"{PAPERS}/{card.id}.md"
    checked = (
        "were looked up in" if card.bibliography.verified else "were not verified; they are from"
    )
    parts = [
        MARK,
        f"# {text(card.title)}",
        f"{text(', '.join(card.authors))} ({card.year}). {text(card.venue)}".rstrip(),
        f"{'; '.join(places(card))}. Title and authors {checked} "
        f"{source(card.bibliography.source, here)}. {text(card.bibliography.note)}".rstrip(),
        f"## In short\n\n{text(card.summary)}",
    ]
    if card.findings:
        rows = [
            [*finding(f.value, f.note), source(f.source, here), tick(f.verified)]
            for f in card.findings
        ]
        head = ["finding", "source", "looked up"]
        parts.append(f"## What it shows\n\n{table(head, rows)}")
    if card.relevance:
        parts.append(f"## What follows here\n\n{text(card.relevance)}")
    if card.limits:
        parts.append(f"## What it leaves open\n\n{text(card.limits)}")
    if card.notes:
        parts.append(f"## Notes\n\n{text(card.notes)}")
    used = usage(catalogue, card, here)
    if used:
        parts.append(f"## Where it is used here\n\n{bullets(used)}")
    return "\n\n".join(parts) + "\n"


def finding(value: object, note: str) -> list[str]:
    """Cell of a finding."""
    words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return [text(words) + (f"<br>*{text(note)}*" if note else "")]


def places(card: PaperCard) -> list[str]:
    """Where the paper can be read; the PDF by link only."""
    found = []
    if card.arxiv:
        found.append(web_link("PDF at arXiv", f"https://arxiv.org/pdf/{card.arxiv}"))
    if card.doi:
        found.append(web_link(f"doi:{text(card.doi)}", f"https://doi.org/{card.doi}"))
    if card.url.startswith("https://"):
        found.append(web_link("publisher's page", card.url))
    if not found:
        where = card.bibliography.source
        found.append(f"No address is on the card; known from {source(where, f'{PAPERS}/x.md')}")
    return found


def usage(catalogue: Catalogue, card: PaperCard, here: str) -> list[str]:
    """The card, guides of its models, cards that cite it, and code that rests on it."""
    rows = [f"card {catalogue.link(card.id, here)}, `kb/paper_cards/{card.id}.yaml`"]
    for model in card.models:
        guide = catalogue.guides.get(model)
        where = f", [guide]({relative(guide, here)})" if guide else ""
        rows.append(f"model {catalogue.link(model, here)}{where}")
    citing = [
        i
        for i in sorted(catalogue.used_by.get(card.id, []))
        if i not in card.models and not isinstance(catalogue.cards[i], ResultCard)
    ]
    for card_id in citing:
        kind = type(catalogue.cards[card_id]).type_name.replace("_", " ")
        rows.append(f"{kind} {catalogue.link(card_id, here)}")
    return rows + [code(file) for file in card.code]


def index(catalogue: Catalogue, papers: list[PaperCard]) -> str:
    """List of all summaries, by kind of paper."""
    parts = [
        MARK,
        "# Paper summaries",
        f"{len(papers)} papers in words of our own, one page per card in `kb/paper_cards/`. "
        "PDFs are [linked, not kept](../papers-pdf/index.md).",
    ]
    for kind, title in KINDS.items():
        rows = [
            [f"[{text(p.title)}]({p.id}.md)", text(p.authors[0]), p.year, tick(bool(p.findings))]
            for p in papers
            if p.kind == kind
        ]
        if rows:
            head = ["paper", "first author", "year", "findings with sources"]
            parts.append(f"## {title}\n\n{table(head, rows)}")
    return "\n\n".join(parts) + "\n"


def pdf_index(papers: list[PaperCard]) -> str:
    """Where each PDF is published."""
    rows = [[f"[{text(p.title)}](../papers-md/{p.id}.md)", "; ".join(places(p))] for p in papers]
    return (
        f"{MARK}\n\n# PDFs\n\nNo PDF is kept here: most may not be passed on. Each paper is linked "
        f"where it is published.\n\n{table(['paper', 'where'], rows)}\n"
    )


def principles(catalogue: Catalogue) -> str:
    """Principles of integration with their papers and code."""
    here = f"{NOTES}/index.md"
    parts = [
        MARK,
        "# Integration notes",
        "Rules that this project follows, from `kb/integration_cards/integration_principles.yaml`, "
        "each with its reason, its papers and the code that keeps it.",
    ]
    for card in catalogue.of_type("principle"):
        if isinstance(card, IntegrationPrinciple):
            papers = [f"[{text(p)}]({relative(f'{PAPERS}/{p}.md', here)})" for p in card.papers]
            kept = [code(file) for file in card.code]
            rows = [f"card {catalogue.link(card.id, here)}"]
            rows += [f"papers: {', '.join(papers)}"] if papers else []
            rows += [f"kept by {', '.join(kept)}"] if kept else []
            parts.append(
                f"## {text(card.title or card.id)}\n\n{text(card.statement)}\n\n"
                f"{text(card.rationale)}\n\n{bullets(rows)}"
            )
    return "\n\n".join(parts) + "\n"


def moved(card_id: str) -> str:
    """Page at another name of a summary; browsers go on by themselves."""
    target = html.escape(card_id)
    return (
        f'{MARK}\n\n<meta http-equiv="refresh" content="0; url=../{target}/">\n\n'
        f"# Summary under another name\n\nIt stands at [{text(card_id)}]({card_id}.md).\n"
    )
