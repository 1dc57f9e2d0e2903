"""Result cards from a tracking server alone."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.config import LOADER_ARGUMENTS, CohortConfigLoader
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.publish import publish_result
from neurogenomics_kb.registry.results import Result, Rows, read_tables
from neurogenomics_kb.registry.yaml_file import read_yaml

CARD_TAG = "result_card"
# Id that a run had in the file in which it was tracked while the server was away.
SENT_TAG = "neurogenomics_kb.sent_from"
FOLDER, TABLES = "result_card", "tables"
ARTIFACT = f"{FOLDER}/result_card.yaml"


@dataclass
class Synced:
    """What a synchronisation did."""

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def tracking_settings(project: Path, env: str | None = None) -> tuple[str, str]:
    """Tracking URI and experiment name, from the configuration that a run reads.

    Parameters
    ----------
    project : Path
        Folder that holds ``conf``.
    env : str, optional
        Environment; by default that of a run without one.
    """
    config = CohortConfigLoader(str(project / "conf"), env=env, **LOADER_ARGUMENTS)["mlflow"]
    experiment = (config.get("tracking") or {}).get("experiment") or {}
    return config["server"]["mlflow_tracking_uri"], experiment.get("name") or "neurogenomics_kb"


def finished_runs(client: MlflowClient, experiment_name: str) -> Iterator:
    """Runs of the experiment that ended well, oldest first.

    Raises
    ------
    InputError
        If the server has no such experiment.
    """
    experiment = client.get_experiment_by_name(experiment_name)
    if experiment is None:
        raise InputError(
            f"the tracking server has no experiment '{experiment_name}'",
            remedy="Give the server with --tracking-uri and the name with --experiment.",
        )
    token = None
    while True:
        page = client.search_runs(
            [experiment.experiment_id],
            filter_string="attributes.status = 'FINISHED'",
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def sync_results(uri: str, experiment_name: str, kb: Path, minimum: int = MINIMUM_CELL) -> Synced:
    """Write the result card of every finished run that is missing in the knowledge base.

    Parameters
    ----------
    uri : str
        Tracking server.
    experiment_name : str
        Experiment on the server.
    kb : Path
        Folder of the knowledge base.
    minimum : int
        Smallest count of subjects that a card may show.

    Returns
    -------
    Synced
        Cards that exist with the same content are left alone, others with the same id reported,
        so a second call changes nothing.

    Raises
    ------
    InputError
        If the server cannot be reached or has no such experiment.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(tracking_uri=uri)
    done = Synced()
    try:
        for run in finished_runs(client, experiment_name):
            if CARD_TAG in run.data.tags or has_card(client, run.info.run_id):
                sync_run(client, run, kb, done, minimum)
    except MlflowException as error:
        raise InputError(
            f"the tracking server '{uri}' gives an error: {error.message}",
            remedy="Check the address and that the server is up.",
        ) from None
    return done


def has_card(client: MlflowClient, run_id: str) -> bool:
    """Whether a run without the tag has a card all the same."""
    return any(item.path == ARTIFACT for item in client.list_artifacts(run_id, "result_card"))


def download_tables(
    client: MlflowClient, run_id: str, card: dict[str, Any], folder: Path
) -> dict[str, Rows]:
    """Tables that a card names, from the server.

    Raises
    ------
    InputError
        If one is missing or is not the one that the card names.
    """
    described = card.get("tables") or {}
    if not isinstance(described, dict) or not all(
        isinstance(about, dict) and re.fullmatch(r"[a-z_]+", str(name))
        for name, about in described.items()
    ):
        raise InputError("the card's tables are no mapping", remedy="It was not written by a run.")
    if not described:
        return {}
    place = client.download_artifacts(run_id, f"{FOLDER}/{TABLES}", str(folder))
    return read_tables(Path(place), described)


def sync_run(client: MlflowClient, run, kb: Path, done: Synced, minimum: int) -> None:
    """Card of one run."""
    run_id = run.info.run_id
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = Path(client.download_artifacts(run_id, ARTIFACT, folder))
            data, _ = read_yaml(file)
            ids = {run_id, run.data.tags.get(SENT_TAG)} - {None}
            if not isinstance(data, dict) or data.get("mlflow_run_id") not in ids:
                raise InputError(
                    "the card does not point back to the run", remedy="It was not written by it."
                )
            name, new = publish_result(
                Result(data, download_tables(client, run_id, data, Path(folder))), kb, minimum
            )
        except (InputError, MlflowException, OSError, ValueError) as error:
            done.problems.append(f"run {run_id}: {error}")
            return
    (done.written if new else done.unchanged).append(name)
