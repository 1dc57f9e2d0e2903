"""Result cards rebuilt from a tracking server: a real MLflow store in a folder."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.config import tracking_at
from neurogenomics_kb.project.tracking import CARD_TAG, sync_results, tracking_settings
from neurogenomics_kb.registry.results import table_text
from neurogenomics_kb.registry.yaml_file import dump_yaml
from tests.registry.results import TABLES, result


@pytest.fixture
def server(tmp_path):
    """Address of a store, and a function that logs a run with a card."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("kb", artifact_location=str(tmp_path / "artifacts"))

    def log(number, *, tag=True, status="FINISHED", **changes):
        run = client.create_run(experiment)
        card = result(f"c-first-{number}-{run.info.run_id[:8]}", mlflow_run_id=run.info.run_id)
        file = tmp_path / f"{run.info.run_id}/result_card.yaml"
        file.parent.mkdir()
        file.write_text(dump_yaml({**card, **changes}))
        client.log_artifact(run.info.run_id, str(file), "result_card")
        for name, rows in TABLES.items():
            table = file.with_name(f"{name}.csv")
            table.write_text(table_text(rows))
            client.log_artifact(run.info.run_id, str(table), "result_card/tables")
        if tag:
            client.set_tag(run.info.run_id, CARD_TAG, card["id"])
        client.set_terminated(run.info.run_id, status)
        return card["id"]

    before = mlflow.get_tracking_uri()
    yield uri, log
    mlflow.set_tracking_uri(before)


@pytest.fixture
def kb(tmp_path):
    (tmp_path / "kb").mkdir()
    return tmp_path / "kb"


def test_cards_are_rebuilt_and_a_second_call_changes_nothing(server, kb):
    uri, log = server
    names = [log(1), log(2), log(3, tag=False)]
    done = sync_results(uri, "kb", kb)
    assert sorted(done.written) == sorted(names)
    before = {p: (p.read_text(), p.stat().st_mtime_ns) for p in kb.rglob("*.yaml")}
    again = sync_results(uri, "kb", kb)
    assert (again.written, again.problems) == ([], [])
    assert sorted(again.unchanged) == sorted(names)
    assert {p: (p.read_text(), p.stat().st_mtime_ns) for p in kb.rglob("*.yaml")} == before
    assert (kb / "decisions/local/escalation-c-first.yaml").exists()


def test_one_lost_card_is_made_again(server, kb):
    uri, log = server
    lost, kept = log(1), log(2)
    sync_results(uri, "kb", kb)
    (kb / f"results/local/{lost}.yaml").unlink()
    done = sync_results(uri, "kb", kb)
    assert (done.written, done.unchanged) == ([lost], [kept])


def test_failed_runs_are_left_out(server, kb):
    uri, log = server
    log(1, status="FAILED")
    assert sync_results(uri, "kb", kb).written == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mlflow_run_id": "another"}, "does not point back to the run"),
        ({"id": "../../evil"}, "not a valid result card"),
        ({"n_subjects": 3}, "counts 3 subjects"),
        ({"parameters": {"rows": [{"x": i} for i in range(200)]}}, "one per subject"),
        ({"unknown": 1}, "not a valid result card"),
    ],
)
def test_bad_cards_are_reported_and_the_others_come(server, kb, changes, words):
    uri, log = server
    log(1, **changes)
    good = log(2)
    done = sync_results(uri, "kb", kb)
    assert done.written == [good]
    assert len(done.problems) == 1
    assert words in done.problems[0]
    assert sorted(p.name for p in (kb / "results/local").iterdir()) == [good, f"{good}.yaml"]


def test_a_card_that_was_changed_by_hand_is_not_overwritten(server, kb):
    uri, log = server
    name = log(1)
    sync_results(uri, "kb", kb)
    file = kb / f"results/local/{name}.yaml"
    file.write_text(file.read_text().replace("n_subjects: 200", "n_subjects: 201"))
    done = sync_results(uri, "kb", kb)
    assert "another card has this id" in done.problems[0]
    assert "n_subjects: 201" in file.read_text()


def test_unknown_experiment_is_one_line(server, kb):
    with pytest.raises(InputError, match="has no experiment 'nix'"):
        sync_results(server[0], "nix", kb)


def test_settings_come_from_the_configuration(tmp_path):
    for folder, text in (
        ("base", "server: {mlflow_tracking_uri: 'sqlite:///a.db'}\n"
                 "tracking: {experiment: {name: one}}\n"),
        ("local", "server: {mlflow_tracking_uri: 'https://tracking.example'}\n"),
        ("other", "server: {mlflow_tracking_uri: 'sqlite:///${globals:cohort}.db'}\n"),
    ):  # fmt: skip
        (tmp_path / "conf" / folder).mkdir(parents=True)
        (tmp_path / "conf" / folder / "mlflow.yml").write_text(text)
    for folder in ("demo", "other"):
        (tmp_path / "conf" / folder).mkdir(exist_ok=True)
        (tmp_path / "conf" / folder / "globals.yml").write_text(
            f"cohort: {folder}\ncollected: []\n"
        )
    assert tracking_settings(tmp_path) == ("https://tracking.example", "one")
    (tmp_path / "conf/local/mlflow.yml").unlink()
    assert tracking_settings(tmp_path) == (f"sqlite:///{tmp_path / 'a.db'}", "one")
    # What a run would read: another environment, with what its globals say.
    other = tracking_settings(tmp_path, "other")
    assert other == (f"sqlite:///{tmp_path / 'other.db'}", "one")
    with pytest.raises(InputError, match="no environment 'othr', did you mean 'other'"):
        tracking_settings(tmp_path, "othr")


@pytest.mark.parametrize(
    ("configured", "given", "uri"),
    [
        (None, None, "sqlite:////p/mlflow.db"),
        ("sqlite:///a/b.db", None, "sqlite:////p/a/b.db"),
        ("sqlite:////else/b.db", None, "sqlite:////else/b.db"),
        ("https://team", None, "https://team"),
        ("https://team", "sqlite:///own.db", "sqlite:////p/own.db"),
    ],
)
def test_a_store_does_not_hang_on_the_folder_and_the_shell_goes_first(configured, given, uri):
    config = tracking_at({"server": {"mlflow_tracking_uri": configured}}, Path("/p"), given)
    assert config["server"]["mlflow_tracking_uri"] == uri
