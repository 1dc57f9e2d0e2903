"""Paper summaries are those of the cards, and their PDFs are linked where they are published."""

from __future__ import annotations

import shutil
import subprocess
import sys

import yaml

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.site import Catalogue
from neurogenomics_kb.registry.summaries import OTHER_NAMES, summary_files
from tests.conftest import ROOT

PAPERS = ROOT / "docs/generated/kb_curated/papers-md"


def test_every_paper_card_has_its_summary_and_the_files_are_those_of_the_cards():
    catalogue = Catalogue(Registry(ROOT / "kb"))
    papers = catalogue.registry.cards("paper")
    assert len(papers) >= 40
    for card in papers:
        page = (PAPERS / f"{card.id}.md").read_text()
        assert "## In short" in page, card.id
        assert f"({card.year})" in page
        if card.findings:
            assert "## What it shows" in page, card.id
    stale = [
        path
        for path, content in summary_files(catalogue).items()
        if (ROOT / "docs" / path).read_text() != content
    ]
    assert not stale, f"run scripts/build_summaries.py: {stale}"
    names = {c.id for c in papers} | {"index"} | OTHER_NAMES.keys()
    assert {p.stem for p in PAPERS.glob("*.md")} == names
    assert not list((ROOT / "docs").rglob("*.pdf"))


def test_every_pdf_is_linked_and_none_is_kept():
    catalogue = Catalogue(Registry(ROOT / "kb"))
    pages = catalogue.pages()
    for card in catalogue.registry.cards("paper"):
        page = pages[f"generated/kb_curated/papers-pdf/{card.id}.pdf.md"]
        if card.arxiv:
            assert f"https://arxiv.org/pdf/{card.arxiv}" in page
        if card.doi:
            assert "https://doi.org/" in page
        assert f"(../papers-md/{card.id}.md)" in page


def test_script_brings_files_up_to_changed_cards(tmp_path):
    for name in ("kb", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.png"))
    shutil.copytree(ROOT / "conf/experiments", tmp_path / "conf/experiments")
    generated = tmp_path / "docs/generated/kb_curated/papers-md"

    def call(*arguments):
        command = [sys.executable, str(ROOT / "scripts/build_summaries.py"), *arguments]
        done = subprocess.run(
            [*command, "--project", str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    assert call("--check")[0] == 0
    card = tmp_path / "kb/paper_cards/firth_1993.yaml"
    changed = yaml.safe_load(card.read_text()) | {"summary": "<b>Other</b> | words {{ kb:x }}"}
    card.write_text(yaml.safe_dump(changed))
    (generated / "left_over.md").write_text("x")
    code, said = call("--check")
    assert code == 1
    assert "firth_1993.md: stale" in said
    assert "left_over.md: stale" in said
    assert call()[0] == 0
    assert not (generated / "left_over.md").exists()
    page = (generated / "firth_1993.md").read_text()
    assert "<b>" not in page
    assert "{{" not in page
    assert call("--check")[0] == 0
