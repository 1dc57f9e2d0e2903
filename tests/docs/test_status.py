"""What pages call planned is planned on the cards, and pages are reached from the navigation."""

from __future__ import annotations

import re
import sys

import pytest
import yaml

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.site import Catalogue
from tests.conftest import ROOT

PAGES = sorted((ROOT / "docs").rglob("*.md"))
REGISTRY = Registry(ROOT / "kb")
CARDS = {card.id: card for card in REGISTRY.sound()}
CITED = re.compile(r"`([A-Za-z0-9][\w-]*)`|\{\{\s*kb:([\w-]+)\s*\}\}")
WORD = re.compile(r"\bplanned\b", flags=re.IGNORECASE)
# Speaks of the status itself, of cards in general or of a design, not of something that is planned.
GENERAL = (
    "status: planned", "a planned card", "planned cards", "what is planned", "planned for",
    "planned wilcoxon",
)  # fmt: skip


def ready(kind, **fields):
    """Whether a card of a type with these fields runs."""
    return any(
        card.status == "ready" and all(getattr(card, k) == v for k, v in fields.items())
        for card in REGISTRY.cards(kind)
    )


def brain_models():
    encoders = [c for c in REGISTRY.cards("model") if c.kind == "encoder" and c.status == "ready"]
    return any(c.modality == "fmri" for c in encoders)


# What pages say in words, and whether cards say that it runs.
PHRASES = {
    r"brain (foundation )?models?": brain_models(),
    r"diffusion": ready("embedding_strategy", modality="dmri"),
    r"\beeg\b(?!.*foundation)": ready("embedding_strategy", modality="eeg"),
    r"developmental cohorts?|longitudinal": ready("dataset", cohort="cha_dev"),
    r"volumes to parcels|parcellation": ready("preprocessing", yields="parcels"),
    r"behaviou?r": ready("embedding_strategy", modality="behaviour"),
    r"uk biobank": ready("dataset", cohort="ukb"),
}


def sentences(page):
    """Sentences and table rows of a page without code blocks."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for block in re.split(r"\n\s*\n|\n(?=[|#\-*])", text):
        yield from re.split(r"(?<=[.:!?])\s+", " ".join(block.split()))


def wrong_in(sentence):
    """What a sentence with the word calls planned although cards say that it runs."""
    if not WORD.search(sentence):
        return []
    cited = [a or b for a, b in CITED.findall(sentence)]
    plain = CITED.sub("", sentence).lower()
    for general in GENERAL:
        plain = plain.replace(general, "")
    if not WORD.search(plain):
        return []
    marked = re.findall(r"`([\w-]+)` \(planned\)", sentence, flags=re.IGNORECASE)
    named = [c for c in marked or cited if c in CARDS]
    wrong = [c for c in named if CARDS[c].status != "planned"]
    if not cited:
        wrong += [phrase for phrase, runs in PHRASES.items() if runs and re.search(phrase, plain)]
        ran = (c for c in CARDS.values() if c.status == "ready" and len(c.title) > 4)
        wrong += [c.id for c in ran if c.title.lower() in plain]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT / "docs").as_posix())
def test_what_a_page_calls_planned_is_planned(page):
    assert [(s, w) for s in sentences(page) if (w := wrong_in(s))] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "In short: brain foundation models, volumes to parcels and diffusion tables are planned.",
        "Longitudinal developmental cohorts are planned.",
        "| `rsfmri_swift_segments_v1` (planned) | volumes |",
        "Planned: {{ kb:brainlm }}.",
        "(Planned) EEG and developmental feature specs.",
        "BrainLM is planned.",
    ],
)
def test_what_runs_may_not_be_called_planned(sentence):
    assert wrong_in(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "| `genetics_gene_evo2_pca512_v1` (planned) | {{ kb:evo2 }} | bases | averaged |",
        "A card with `status: planned` says why it cannot run.",
        "Unknown or planned cards end the run.",
        "{{ kb:vlm_dev_clinical }} is planned.",
    ],
)
def test_what_is_planned_may_be_called_so(sentence):
    assert wrong_in(sentence) == []


def test_planned_cards_in_tables_of_strategies_are_marked():
    for page in (ROOT / "docs/integration").rglob("*.md"):
        for row in (line for line in page.read_text().splitlines() if line.startswith("| `")):
            first = CITED.match(row.removeprefix("| "))
            card = CARDS.get(first.group(1)) if first else None
            if card is not None and card.status == "planned":
                assert WORD.search(row), f"{page.name}: {card.id}"


def test_the_home_page_lists_the_planned_cards():
    page = Catalogue(REGISTRY).fill((ROOT / "docs/index.md").read_text(), "index.md")
    listed = set(re.findall(r"\(catalogue/\w+/([\w-]+)\.md\)", page.split("## What is planned")[1]))
    assert listed == {i for i, c in CARDS.items() if c.status == "planned"}
    for cohort in ("hbn", "devfmri", "cha_dev", "aomic", "ukb_data_map", "demo_cohort"):
        assert f"(data/{cohort}.md)" in page


def test_every_page_is_in_the_navigation(tmp_path):
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import mkdocs_hooks
    finally:
        sys.path.pop(0)
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = set(mkdocs_hooks.pages_of(nav))
    docs = ROOT / "docs"
    below = tuple(f"{folder}/" for folder in mkdocs_hooks.SECTIONS)
    pages = {p.relative_to(docs).as_posix() for p in PAGES}
    assert {p for p in pages - listed if not p.startswith(below)} == set()
    assert listed <= pages | {mkdocs_hooks.TABLES}  # made with the site
    # Folders of guides are listed whole.
    for name in ("models/brain/swift.md", "models/genetics/evo2.md", "models/index.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# x\n")
    found = mkdocs_hooks.section(tmp_path / "models", tmp_path, {"models/genetics/evo2.md"})
    assert found == ["models/index.md", {"Brain": ["models/brain/swift.md"]}]
    assert mkdocs_hooks.section(tmp_path / "absent", tmp_path, set()) == []
