"""Runs tracked in a file while the server was away, sent to it later."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.config import SQLITE
from neurogenomics_kb.project.one_run import HOST_TAG, PROCESS_TAG
from neurogenomics_kb.project.store import keep_artifacts_beside, one_line, refuse_silence
from neurogenomics_kb.project.tracking import CARD_TAG, SENT_TAG, finished_runs

# Most values that a server takes in one call.
MOST = 100
# What says whether a run still goes on, on the machine that it was on.
OF_THE_PROCESS = {HOST_TAG, PROCESS_TAG}


@dataclass
class Sent:
    """What was sent, by result card, and what was there already."""

    sent: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


def send_runs(source: str, uri: str, experiment: str) -> Sent:
    """Send all finished runs of a file that have a result card and are not on the server.

    Parameters
    ----------
    source : str
        ``sqlite:///`` and the file in which the runs were tracked.
    uri : str
        Tracking server.
    experiment : str
        MLflow experiment, of the same name in both; made on the server if it has none.

    Returns
    -------
    Sent
        A second call sends nothing. A run that was sent in part is removed and sent again.

    Raises
    ------
    InputError
        If the file is missing, is where runs are tracked anyway, or the server is away.
    """
    file = Path(source.removeprefix(SQLITE))
    if not source.startswith(SQLITE) or not file.is_file():
        raise InputError(
            "no runs were tracked in this file",
            file=source,
            remedy="Name the one in which they were with --from, as in sqlite:///mlflow.db.",
        )
    if uri == source:
        raise InputError(
            "runs are tracked in this file, and no server is configured to send them to",
            file=source,
            remedy="Unset MLFLOW_TRACKING_URI, or name the server with --tracking-uri.",
        )
    refuse_silence(uri)
    with one_line(source):
        keep_artifacts_beside(source, experiment)
        there = MlflowClient(source)
        runs = [r for r in finished_runs(there, experiment) if CARD_TAG in r.data.tags]
    done = Sent()
    with one_line(uri):
        server = MlflowClient(uri)
        found = server.get_experiment_by_name(experiment)
        place = found.experiment_id if found else server.create_experiment(experiment)
        for run in runs:
            if _is_there(server, place, run.info.run_id):
                done.unchanged.append(run.data.tags[CARD_TAG])
            else:
                _send(there, server, place, run)
                done.sent.append(run.data.tags[CARD_TAG])
    return done


def _is_there(server: MlflowClient, place: str, run_id: str) -> bool:
    """Whether a run was sent whole; what an earlier attempt left of it is removed."""
    found = server.search_runs([place], filter_string=f"tags.`{SENT_TAG}` = '{run_id}'")
    for part in found:
        if part.info.status != "FINISHED":
            server.delete_run(part.info.run_id)
    return any(run.info.status == "FINISHED" for run in found)


def _send(there: MlflowClient, server: MlflowClient, place: str, run: Run) -> None:
    """Copy one run; it is finished on the server when all of it is there."""
    new = server.create_run(
        place, start_time=run.info.start_time, run_name=run.info.run_name,
        tags={SENT_TAG: run.info.run_id},
    ).info.run_id  # fmt: skip
    values = {
        "params": [Param(k, v) for k, v in run.data.params.items()],
        "tags": [RunTag(k, v) for k, v in run.data.tags.items() if k not in OF_THE_PROCESS],
        "metrics": [m for name in run.data.metrics
                    for m in there.get_metric_history(run.info.run_id, name)],
    }  # fmt: skip
    for kind, all_of_them in values.items():
        for first in range(0, len(all_of_them), MOST):
            server.log_batch(new, **{kind: all_of_them[first : first + MOST]})
    with tempfile.TemporaryDirectory() as folder:
        for item in there.list_artifacts(run.info.run_id):
            there.download_artifacts(run.info.run_id, item.path, folder)
        server.log_artifacts(new, folder)
    server.set_terminated(new, status="FINISHED", end_time=run.info.end_time)
