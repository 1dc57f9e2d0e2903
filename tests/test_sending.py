"""Runs tracked in a file while the server was away, sent to it later: two real MLflow stores."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.one_run import HOST_TAG
from neurogenomics_kb.project.sending import send_runs
from neurogenomics_kb.project.tracking import SENT_TAG, sync_results
from tests.test_tracking import kb, server  # noqa: F401


@pytest.fixture
def away(server, tmp_path):  # noqa: F811
    """The file, the server that was away, and a way to track a run in the file."""
    uri, log = server
    target = f"sqlite:///{tmp_path}/team.db"
    MlflowClient(target).create_experiment("kb", artifact_location=str(tmp_path / "team"))
    return uri, target, log


def runs_of(uri):
    client = MlflowClient(uri)
    place = client.get_experiment_by_name("kb").experiment_id
    return client, client.search_runs([place])


def test_runs_arrive_whole_and_once(away):
    source, target, log = away
    first, _ = log(1), log(2, status="FAILED")
    there, runs = runs_of(source)
    run = next(r for r in runs if r.info.status == "FINISHED")
    for step, value in enumerate([0.5, 0.7]):
        there.log_metric(run.info.run_id, "auc", value, step=step)
    for i in range(230):
        there.log_param(run.info.run_id, f"p{i}", i)
    there.set_tag(run.info.run_id, HOST_TAG, "here")
    assert send_runs(source, target, "kb").sent == [first]
    server_, [arrived] = runs_of(target)
    assert arrived.data.params == {f"p{i}": str(i) for i in range(230)}
    assert arrived.data.tags[SENT_TAG] == run.info.run_id
    assert HOST_TAG not in arrived.data.tags
    assert arrived.info.run_name == run.info.run_name
    assert (arrived.info.status, arrived.info.start_time) == ("FINISHED", run.info.start_time)
    history = server_.get_metric_history(arrived.info.run_id, "auc")
    assert [(m.step, m.value) for m in history] == [(0, 0.5), (1, 0.7)]
    second = log(3)
    done = send_runs(source, target, "kb")
    assert (done.sent, done.unchanged) == ([second], [first])


def test_cards_come_back_from_where_they_were_sent(away, kb):  # noqa: F811
    source, target, log = away
    card = log(1)
    send_runs(source, target, "kb")
    done = sync_results(target, "kb", kb)
    assert (done.written, done.problems) == ([card], [])
    assert sync_results(source, "kb", kb).unchanged == [card]


def test_a_run_that_was_sent_in_part_is_sent_again(away, monkeypatch):
    source, target, log = away
    card = log(1)
    monkeypatch.setattr(MlflowClient, "log_artifacts", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        send_runs(source, target, "kb")
    monkeypatch.undo()
    assert [r.info.status for r in runs_of(target)[1]] == ["RUNNING"]
    assert send_runs(source, target, "kb").sent == [card]
    assert [r.info.status for r in runs_of(target)[1]] == ["FINISHED"]


def test_nothing_to_send_from_or_to_is_one_line(away, tmp_path):
    source, target, log = away
    log(1)
    with pytest.raises(InputError, match="no runs were tracked in this file"):
        send_runs(f"sqlite:///{tmp_path}/nix.db", target, "kb")
    assert not (tmp_path / "nix.db").exists()
    with pytest.raises(InputError, match="no server is configured"):
        send_runs(source, source, "kb")
    with pytest.raises(InputError, match="does not answer"):
        send_runs(source, "http://127.0.0.1:9", "kb")
