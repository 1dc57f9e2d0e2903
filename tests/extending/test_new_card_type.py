"""A new type of card is three places: its model, a line in the list of types, a skeleton."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MODEL = '''
"""Wearables: what was worn, and how often it measured."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from neurogenomics_kb.registry.cards.base import Card, DatasetId


class Wearable(Card):
    """A device."""

    type_name: ClassVar[str] = "wearable"

    dataset: DatasetId
    hertz: float = Field(gt=0)
'''
IMPORT = "from neurogenomics_kb.registry.cards.confounds import ConfoundSet\n"
WEARABLE = "from neurogenomics_kb.registry.cards.wearables import Wearable\n"
LIST = "KINDS = (\n"
LINE = '    Kind(Wearable, "wearables", "Wearables"),\n'
SKELETONS = "SKELETONS: dict[str, dict[str, Any]] = {\n"
SKELETON = '    "wearable": {"title": "…", "dataset": "demo", "hertz": 32},\n'


@pytest.fixture(scope="module")
def extended(project):
    package = project.path / "src/neurogenomics_kb/registry"
    (package / "cards/wearables.py").write_text(MODEL)
    edit(package / "cards/__init__.py", IMPORT, IMPORT + WEARABLE)
    edit(package / "cards/__init__.py", LIST, LIST + LINE)
    edit(package / "drafts.py", SKELETONS, SKELETONS + SKELETON)
    return project


def edit(file, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def ask(project, *arguments: str, code: str | None = None) -> str:
    command = ["-c", code] if code else ["-m", "neurogenomics_kb.project.commands", *arguments]
    done = subprocess.run(
        [sys.executable, *command], cwd=project.path, env=project.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_drafted_found_validated_and_described(extended):
    assert "kb/wearables/wrist.yaml" in ask(extended, "new", "wearable", "wrist")
    assert "hertz: 32" in ask(extended, "show", "wrist")
    assert "wrist" in ask(extended, "list", "wearable")
    ask(extended, "schema")
    schema = json.loads((extended.path / "kb/schemas/wearable.json").read_text())
    assert {"dataset", "hertz"} <= set(schema["required"])
    pages = (
        "from neurogenomics_kb.registry import Registry\n"
        "from neurogenomics_kb.registry.site import Catalogue\n"
        "pages = Catalogue(Registry('kb')).pages()\n"
        "print(pages['catalogue/wearable/wrist.md'], pages['catalogue/wearable/index.md'])\n"
    )
    shown = ask(extended, code=pages)
    assert "[Wearables](index.md)" in shown
    assert "[demo](../dataset/demo.md)" in shown


def test_its_references_are_checked(extended):
    file = extended.path / "kb/wearables/wrist.yaml"
    file.write_text(file.read_text().replace("dataset: demo", "dataset: dmo"))
    code = (
        "from neurogenomics_kb.registry import Registry\n"
        "print(*Registry('kb').validate(), sep='\\n')\n"
    )
    assert "there is no dataset 'dmo', did you mean 'demo'" in ask(extended, code=code)
