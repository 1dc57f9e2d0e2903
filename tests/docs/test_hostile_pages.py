"""Cards and pages that try to run something on the documentation site, and in the report."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import yaml

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.publish import publish_result
from neurogenomics_kb.registry.results import Result
from tests.conftest import ROOT
from tests.registry.results import TABLES, result

PAYLOADS = [
    "</title><script>window.hit=1</script>",
    '<img src=x onerror="window.hit=1">',
    "[a](javascript:window.hit=1)",
    "<a href='  JaVaScRiPt:window.hit=1'>x</a>",
    "<svg onload=window.hit=1>",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "` <script>window.hit=1</script> `",
]
SITE = """
site_name: site
hooks: [scripts/mkdocs_hooks.py]
plugins: [search]
theme: {name: material, font: false}
markdown_extensions: [admonition, tables, {toc: {permalink: true}}, pymdownx.superfences]
nav: [{Home: index.md}]
"""


class Live(HTMLParser):
    """What a browser would run of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag, attrs):
        self._script = tag == "script"
        for key, value in attrs:
            address = (value or "").strip().lower()
            if key.startswith("on") or key == "srcdoc":
                self.found.append(f"{tag} {key}")
            if key in ("href", "src") and re.match(r"(javascript|vbscript|data:text)", address):
                self.found.append(f"{tag} {address}")

    def handle_endtag(self, tag):
        self._script = False

    def handle_data(self, data):
        if self._script and "window.hit" in data:
            self.found.append(data)


def live(page: str) -> list[str]:
    reader = Live()
    reader.feed(page)
    return reader.found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Site of cards that carry every payload in every field that takes text."""
    project = tmp_path_factory.mktemp("hostile")
    kb = project / "kb"
    for folder in ("kb/model_cards", "docs", "scripts"):
        (project / folder).mkdir(parents=True)
    for name in ("mkdocs_hooks.py", "clean_pages.py"):
        shutil.copy(ROOT / "scripts" / name, project / "scripts" / name)
    (project / "mkdocs.yml").write_text(SITE)
    (project / "docs/index.md").write_text("# Home\n\n" + "\n\n".join(PAYLOADS) + "\n")
    for i, evil in enumerate(PAYLOADS):
        card = {
            "id": f"evil{i}", "title": evil, "modality": "fmri", "description": evil,
            "notes": evil, "license": evil, "sources": [evil],
            "facts": {"a": {"value": evil, "source": "https://x.y/z", "note": evil}},
            "pretraining_cohorts": {"cohorts": "unknown", "reason": evil, "source": evil,
                                    "note": evil},
        }  # fmt: skip
        (kb / f"model_cards/evil{i}.yaml").write_text(yaml.safe_dump(card))
        told = result(
            f"c-first-{i}-aa", title=evil, headline=[evil], warnings=[evil], code_version=evil,
            created=evil, verdict=[{"level": evil, "text": evil}], cards={evil: "x"},
            folds={"scheme": evil, "n_splits": 5, "hash": evil}, parameters={"id": evil},
            sample_flow=[{"step": evil, "excluded": 0, "remaining": 200}],
            data_fingerprints={evil: "q"}, mlflow_run_id=f"{i}{evil}",
        )  # fmt: skip
        publish_result(Result(told, TABLES), kb)
    assert Registry(kb, project).validate() == []
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "-d", "site"], cwd=project,
        capture_output=True, text=True, env={"NO_MKDOCS_2_WARNING": "1", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return project / "site"


def test_nothing_that_a_card_says_runs_on_the_site(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 2 * len(PAYLOADS)
    assert {
        p.relative_to(site).as_posix(): found for p in pages if (found := live(p.read_text()))
    } == {}


def test_what_a_card_says_is_still_there_to_be_read(site):
    page = (site / "catalogue/model/evil0/index.html").read_text()
    assert "&lt;script&gt;window.hit=1&lt;/script&gt;" in page


def test_every_page_says_what_may_be_loaded(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        if "<head>" in text or "<html" in text:
            policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1)
            scripts = re.search(r"script-src ([^;]+)", policy).group(1)
            assert "unsafe-inline" not in scripts
            assert "http" not in policy


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("page", ["index.html", "catalogue/result/c-first-0-aa/index.html"])
def test_a_browser_runs_the_theme_and_nothing_else(site, page):
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000",
         "--enable-logging=stderr", "--dump-dom", f"file://{site}/{page}"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "md-main" in done.stdout
    assert "Refused" not in done.stderr
    assert "violates" not in done.stderr
    assert live(done.stdout) == []
