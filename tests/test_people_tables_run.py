"""The way in which tables of people are written changes no result."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest

QUICK = ("--params", "experiment.n_permutations=20")
RAW = "data/01_raw/demo"
BINARY = "{name: mdd_diagnosis, type: binary,"


def tables_of(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.csv"))}


def rewrite(path, change):
    """Write a table of the demo as a spreadsheet might: semicolons, blanks, a counter, CRLF."""
    rng = np.random.default_rng(7)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    rows = [[change(rows[0][i], cell) for i, cell in enumerate(row)] for row in rows]
    order = list(rng.permutation(len(rows[0])))
    rows = [["" if i == 0 else str(i), *(row[k] for k in order)] for i, row in enumerate(rows)]
    rows.insert(20, [""] * len(rows[0]))
    lines = [";".join(cell + " " * int(rng.integers(2)) for cell in row) for row in rows]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())


@pytest.mark.slow
def test_however_tables_are_written_the_results_are_the_same(project):
    project.run(*QUICK)
    expected = tables_of(project.outputs())
    card = project.path / "kb/datasets/demo.yaml"
    card.write_text(card.read_text().replace(BINARY, BINARY + ' levels: {"None": 0, MDD: 1},'))
    words = {"0": "None", "1": "MDD"}
    rewrite(
        project.path / RAW / "participants.tsv",
        lambda column, cell: words.get(cell, cell) if column == "mdd_diagnosis" else cell,
    )
    rewrite(project.path / RAW / "genomics/polygenic_scores.tsv", lambda _, cell: cell)
    rewrite(project.path / RAW / "freesurfer/euler.tsv", lambda _, cell: cell)
    shutil.rmtree(project.outputs())
    project.run(*QUICK)
    assert tables_of(project.outputs()) == expected
    report = next((project.path / "data").rglob("report.html")).read_text()
    assert "participants.tsv: 1 blank row left out." in report
    assert "blanks around the text of" in report
    flow = next((project.path / "data").rglob("sample_flow.csv")).read_text()
    assert "blank row in the participants table,1,400" in flow
