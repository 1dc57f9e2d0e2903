"""The tracked run: one, closed whatever happens; trouble with the store is one line."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.one_run import (
    HOST_TAG,
    PROCESS_TAG,
    close_abandoned,
    is_alive,
    process,
    refused_settings,
)
from neurogenomics_kb.project.store import (
    alone_in,
    keep_artifacts_beside,
    one_line,
    refuse_silence,
)

WRITER = """
import sys
import mlflow
from neurogenomics_kb.project.store import alone_in
uri = f"sqlite:///{sys.argv[1]}/mlflow.db"
with alone_in(uri):
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("e")
with mlflow.start_run():
    mlflow.log_metric("a", 1)
"""
LEFT = """
import os, platform, signal, sys
import mlflow
from neurogenomics_kb.project.one_run import HOST_TAG, PROCESS_TAG, end_killed, process
import atexit
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("e")
run = mlflow.start_run()
mlflow.set_tags({HOST_TAG: platform.node(), PROCESS_TAG: process()})
atexit.register(end_killed, run.info.run_id)
os.kill(os.getpid(), int(sys.argv[2]))
"""


NEWER = "UPDATE alembic_version SET version_num = 'of_the_future'"


@pytest.fixture
def server(tmp_path):
    before = mlflow.get_tracking_uri()
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("e", artifact_location=f"{tmp_path}/artifacts")
    yield uri
    mlflow.set_tracking_uri(before)


def status(uri):
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("e").experiment_id
    return client, experiment, [r.info.status for r in client.search_runs([experiment])]


def test_this_process_is_alive_and_others_of_its_number_are_not():
    pid, started = process().split()
    assert is_alive(process())
    assert not is_alive(f"{pid} {float(started) - 100:.2f}")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    time.sleep(1)
    assert not is_alive(f"{ended.pid} {time.time():.2f}")  # not waited for yet
    ended.wait()
    assert not is_alive(f"{ended.pid} {time.time():.2f}")


def test_a_killed_run_is_closed_by_the_next_one(server):
    subprocess.run([sys.executable, "-c", LEFT, server, "9"], check=False)
    client, experiment, before = status(server)
    assert before == ["RUNNING"]
    with mlflow.start_run(experiment_id=experiment):
        mlflow.set_tags({HOST_TAG: "elsewhere", PROCESS_TAG: "1 1"})
        assert len(close_abandoned(client, experiment)) == 1
        assert close_abandoned(client, experiment) == []
        assert sorted(status(server)[2]) == ["KILLED", "RUNNING"]


def test_a_run_that_was_interrupted_is_not_called_finished(server):
    subprocess.run(
        [sys.executable, "-c", LEFT, server, "2"], check=False, stderr=subprocess.DEVNULL
    )
    assert status(server)[2] == ["KILLED"]


def test_first_runs_at_once_make_one_store(tmp_path):
    def begin(_):
        return subprocess.run(
            [sys.executable, "-c", WRITER, str(tmp_path)], capture_output=True, text=True,
            cwd=tmp_path,
        )  # fmt: skip

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(begin, range(3)))
    assert [d.returncode for d in done] == [0] * 3, done[0].stderr[-500:]
    assert status(f"sqlite:///{tmp_path}/mlflow.db")[2] == ["FINISHED"] * 3


def test_a_server_that_is_away_is_one_line_at_once():
    start = time.monotonic()
    with pytest.raises(InputError, match=r"does not answer.*MLFLOW_TRACKING_URI"):
        refuse_silence("http://127.0.0.1:9")
    assert time.monotonic() - start < 10
    refuse_silence("sqlite:///mlflow.db")


def test_a_store_that_is_none_is_one_line(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database " * 100)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(InputError, match="tracking store"), one_line(uri), alone_in(uri):
        mlflow.MlflowClient(uri).search_experiments()


def test_a_store_of_a_newer_mlflow_is_one_line(server, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        store.execute(NEWER)
    copy = f"sqlite:///{tmp_path}/copy.db"
    shutil.copy(tmp_path / "mlflow.db", tmp_path / "copy.db")
    with pytest.raises(InputError, match="tracking store"), one_line(copy):
        mlflow.MlflowClient(copy).search_experiments()


def test_artifacts_of_a_moved_project_lie_beside_it(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    uri = f"sqlite:///{old}/mlflow.db"
    keep_artifacts_beside(uri, "e")
    client = mlflow.MlflowClient(uri)
    run = client.create_run(client.get_experiment_by_name("e").experiment_id)
    client.log_text(run.info.run_id, "x", "report.html")
    assert list((old / "mlruns").rglob("report.html"))
    client._tracking_client.store._dispose_engine()
    old.rename(new)
    uri = f"sqlite:///{new}/mlflow.db"
    keep_artifacts_beside(uri, "e")
    keep_artifacts_beside(uri, "e")
    moved = mlflow.MlflowClient(uri)
    assert [a.path for a in moved.list_artifacts(run.info.run_id)] == ["report.html"]
    later = moved.create_run(run.info.experiment_id)
    moved.log_text(later.info.run_id, "y", "more.html")
    assert len(list((new / "mlruns").rglob("*.html"))) == 2
    assert not old.exists()


def test_artifacts_of_a_server_are_its_own(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = mlflow.MlflowClient(uri)
    client.create_experiment("e", artifact_location="s3://bucket/place")
    keep_artifacts_beside(uri, "e")
    assert client.get_experiment_by_name("e").artifact_location == "s3://bucket/place"


def test_what_the_tracking_plugin_does_not_take_is_one_line():
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as refused:
        KedroMlflowConfig.model_validate({"tracking": {"run": {"name": 0}}})
    said = str(refused_settings(refused.value))
    assert said.startswith("mlflow.yml, column 'tracking.run.name': Input should be a valid string")
    assert "got 0" in said
    assert "\n" not in said
