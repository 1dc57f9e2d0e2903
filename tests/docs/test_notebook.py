"""The notebook runs from top to bottom, in a copy of the project."""

from __future__ import annotations

import json
import shutil

import nbformat
from nbclient import NotebookClient

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_notebooks_are_stored_without_outputs():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text())["cells"]:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None


def test_first_run_executes_and_shows_results(project, monkeypatch):
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    folder = project.path / "notebooks"
    folder.mkdir()
    shutil.copy(ROOT / "notebooks/01_first_run.ipynb", folder)
    notebook = nbformat.read(folder / "01_first_run.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = [o for c in notebook.cells for o in c.get("outputs", [])]
    assert not any(o["output_type"] == "error" for o in outputs)
    assert sum("image/png" in o.get("data", {}) for o in outputs) == 2
    text = "".join(o.get("data", {}).get("text/plain", "") for o in outputs)
    for words in ("smri_free_surfer_pca512_v1", "fusion + covariates", "SIM"):
        assert words in text
