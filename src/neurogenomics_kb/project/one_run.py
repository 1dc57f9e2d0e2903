"""Hook: the tracked run of a pipeline run, opened once and closed whatever happens."""

from __future__ import annotations

import atexit
import logging
import os
import platform
from typing import Any

import mlflow
import psutil
from kedro.framework.hooks import hook_impl
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from mlflow import MlflowClient
from pydantic import ValidationError

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.store import (
    alone_in,
    keep_artifacts_beside,
    one_line,
    refuse_silence,
    refuse_unwritable,
)
from neurogenomics_kb.project.withheld import flatten, identifiers_of, without_people

logger = logging.getLogger(__name__)

HOST_TAG, PROCESS_TAG = "neurogenomics_kb.host", "neurogenomics_kb.process"


class OneRun(MlflowHook):
    """kedro-mlflow's hook, which opens and ends the run, and what it lacks.

    It does not ask the store for the run at every node, nor log the node's parameters once more.
    Runs of processes that no longer exist are closed; runs that start together make the store one
    after the other; trouble with the store is one line.
    """

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Set tracking up."""
        told = context.config_loader["mlflow"]
        uri = told["server"]["mlflow_tracking_uri"]
        name = ((told.get("tracking") or {}).get("experiment") or {}).get("name")
        refuse_silence(uri)
        refuse_unwritable(uri)
        with one_line(uri), alone_in(uri):
            keep_artifacts_beside(uri, name or context._package_name)
            try:
                super().after_context_created(context)
            except ValidationError as error:
                raise refused_settings(error) from None

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """Open the run; close those that nobody will."""
        with one_line(mlflow.get_tracking_uri()):
            super().before_pipeline_run(told(run_params, catalog), pipeline, catalog)
            run = mlflow.active_run()
            if run is None:
                return
            mlflow.set_tags({HOST_TAG: platform.node(), PROCESS_TAG: process()})
            # MLflow's own farewell says that a run which Ctrl-C ended is finished.
            atexit.register(end_killed, run.info.run_id)
            close_abandoned(MlflowClient(), run.info.experiment_id)

    @hook_impl
    def before_node_run(self) -> None:
        """Open the run for a node in a thread of its own, which knows of none."""
        if self.run_id is not None and mlflow.active_run() is None:
            mlflow.start_run(run_id=self.run_id, nested=self.mlflow_config.tracking.run.nested)


def refused_settings(error: ValidationError) -> InputError:
    """One line about what kedro-mlflow does not take from ``mlflow.yml``."""
    first, *others = error.errors()
    more = f", and {len(others)} more" if others else ""
    return InputError(
        f"{first['msg']} (got {first['input']!r}){more}",
        file="mlflow.yml",
        column=".".join(map(str, first["loc"])),
        remedy="Correct it, or what it refers to: the run's name is the experiment's id, "
        "which is text.",
    )


def told(run_params: dict[str, Any], catalog: Any) -> dict[str, Any]:
    """Parameters of a run, which become tags, without those of ``--params`` that name people."""
    given = run_params.get("runtime_params") or run_params.get("extra_params")
    if not given:
        return run_params
    shown = without_people(flatten(given, "params"), identifiers_of(catalog))
    return {**run_params, **{k: shown for k in ("runtime_params", "extra_params")
                             if run_params.get(k)}}  # fmt: skip


def end_killed(run_id: str) -> None:
    """End a run that is still open when the process ends."""
    run = mlflow.active_run()
    if run is not None and run.info.run_id == run_id:
        mlflow.end_run("KILLED")


def process() -> str:
    """This process: its number, which is given again, and when it started."""
    own = psutil.Process(os.getpid())
    return f"{own.pid} {own.create_time():.2f}"


def is_alive(tag: str) -> bool:
    """Whether a process that described itself with `process` exists on this machine."""
    pid, started = tag.split()
    try:
        found = psutil.Process(int(pid))
        same = abs(found.create_time() - float(started)) < 1.0
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def close_abandoned(client: MlflowClient, experiment_id: str) -> list[str]:
    """Close runs of this machine whose process has gone without closing them.

    Parameters
    ----------
    client : MlflowClient
        Of the tracking server.
    experiment_id : str
        Whose runs are looked at.

    Returns
    -------
    list of str
        Their ids.
    """
    running = client.search_runs(
        [experiment_id],
        filter_string=f"attributes.status = 'RUNNING' and tags.`{HOST_TAG}` = '{platform.node()}'",
    )
    gone = [run.info.run_id for run in running if not is_alive(run.data.tags[PROCESS_TAG])]
    for run_id in gone:
        client.set_terminated(run_id, status="KILLED")
    if gone:
        logger.warning("%d earlier runs ended without saying so and are marked KILLED", len(gone))
    return gone
