"""Runs that would write the same tables take turns, and no lock outlives its process."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.turns import HOLDER, LOCK, Turns, folders_of, turn

HOLD = """
import sys, time
from pathlib import Path
from neurogenomics_kb.project.turns import turn
with turn(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(folder, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def catalog(tmp_path):
    return DataCatalog(
        {
            "raw": MemoryDataset(1),
            "genomics.features": JSONDataset(filepath=str(tmp_path / "features/genomics.json")),
            "recipe": JSONDataset(filepath=str(tmp_path / "experiment/recipe.json")),
        }
    )


def pipeline(*outputs):
    return Pipeline([Node(lambda x: x, "raw", list(outputs) or None, name="n")])


@pytest.mark.filterwarnings("ignore:One or more dataset names contain")
def test_a_run_holds_cohort_and_experiment_until_it_ends(catalog, tmp_path):
    hook = Turns()
    assert folders_of(catalog) == {tmp_path / "features", tmp_path / "experiment"}
    hook.before_pipeline_run(pipeline("recipe"), catalog)
    told = json.loads((tmp_path / "features" / HOLDER).read_text())
    assert told["pid"] == os.getpid()
    hook.on_pipeline_error(ValueError())
    assert not (tmp_path / "features" / HOLDER).exists()
    # A refused run leaves no turn taken in a process that goes on.
    hook.before_pipeline_run(pipeline("recipe"), catalog)
    hook.before_pipeline_run(pipeline("recipe"), catalog)
    hook.after_pipeline_run()
    process = holder(tmp_path / "features", 0)
    assert process.wait(20) == 0


@pytest.mark.filterwarnings("ignore:One or more dataset names contain")
def test_a_run_that_writes_nothing_waits_for_nobody(catalog, tmp_path):
    Turns().before_pipeline_run(pipeline(), catalog)
    assert not (tmp_path / "features").exists()


def test_the_second_waits_and_says_for_whom(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    process = holder(tmp_path, 2)
    with turn(tmp_path):
        assert process.wait(20) == 0
        assert "this run waits for it" in caplog.text
        assert f"process {process.pid}" in caplog.text
        assert json.loads((tmp_path / HOLDER).read_text())["pid"] == os.getpid()
    assert "is free" in caplog.text


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_holds_nothing(tmp_path, how):
    process = holder(tmp_path, 60)
    process.send_signal(how)
    process.wait(20)
    start = time.monotonic()
    with turn(tmp_path):
        assert time.monotonic() - start < 10


def test_a_damaged_note_of_the_holder_is_no_trouble(tmp_path, caplog):
    process = holder(tmp_path, 2)
    (tmp_path / HOLDER).write_text("{")
    with turn(tmp_path):
        assert process.wait(20) == 0
    assert "another run works on" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"), turn(tmp_path / "new"):
        pass


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path):
    (tmp_path / "features").write_text("")
    with pytest.raises(InputError, match="cannot be written"), turn(tmp_path / "features"):
        pass
    assert LOCK.startswith(".")
