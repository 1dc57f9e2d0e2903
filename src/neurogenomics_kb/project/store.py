"""The tracking store: made by one process at a time, beside its project; its ails in one line."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlparse
from urllib.request import urlopen

from alembic.util.exc import CommandError
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.config import SQLITE
from neurogenomics_kb.project.files import NO_RIGHT

logger = logging.getLogger(__name__)
# It prints a traceback of what is said in one line here.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

STORE_ERRORS = (MlflowException, SQLAlchemyError, CommandError)
DATABASE = re.compile(r"\(\w+\.\w*Error\) (.+)")

# A server that is there answers in a fraction of it.
PATIENCE_S = 8.0
GO_ON = (
    "Check the address and that the server is up, or track this run in a file: "
    "MLFLOW_TRACKING_URI=sqlite:///mlflow.db before the command; `ngkb send` sends it when the "
    "server is back."
)
# Folder of artifacts beside a store that is a file, and where MLflow keeps absolute paths to it.
ARTIFACTS = "mlruns"
PLACES = (("experiments", "artifact_location"), ("runs", "artifact_uri"))


@contextlib.contextmanager
def alone_in(uri: str) -> Iterator[None]:
    """Let one process at a time make a store that is a file."""
    if not uri.startswith(SQLITE):
        yield
        return
    file = Path(uri.removeprefix(SQLITE))
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f"{file.name}.lock")):
        yield


def refuse_silence(uri: str) -> None:
    """Refuse a tracking server that does not answer, which MLflow asks for minutes.

    Parameters
    ----------
    uri : str
        Address; only those of web servers are asked.

    Raises
    ------
    InputError
    """
    if not uri.startswith(("http://", "https://")):
        return
    try:
        with urlopen(f"{uri.rstrip('/')}/health", timeout=PATIENCE_S):
            return
    except HTTPError:
        return  # it is there; what it wants is between it and MLflow
    except (URLError, OSError) as error:
        raise InputError(
            f"the tracking server does not answer ({getattr(error, 'reason', error)})",
            file=uri,
            remedy=GO_ON,
        ) from None


@contextlib.contextmanager
def one_line(uri: str) -> Iterator[None]:
    """Say in one line what is wrong with the store."""
    try:
        yield
    except STORE_ERRORS as error:
        raise InputError(
            f"the tracking store gives an error: {said_of(error)}", file=uri, remedy=GO_ON
        ) from None


def said_of(error: BaseException) -> str:
    """The line of a store's error that says what is wrong; its statement and values stay away.

    Parameters
    ----------
    error : Exception
        One of ``STORE_ERRORS``.
    """
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    database = next((m for m in map(DATABASE.match, lines) if m), None)
    return database.group(1) if database else lines[0]


def refuse_unwritable(uri: str) -> None:
    """Refuse a store that is a file and may not be written, of which MLflow makes a traceback.

    Parameters
    ----------
    uri : str
        Of the store.

    Raises
    ------
    InputError
    """
    file = Path(uri.removeprefix(SQLITE))
    if uri.startswith(SQLITE) and file.exists() and not os.access(file, os.W_OK):
        raise InputError("the tracking store may not be written", file=file, remedy=NO_RIGHT)


def keep_artifacts_beside(uri: str, experiment: str) -> None:
    """Let artifacts lie beside a store that is a file, wherever the project was moved or copied.

    MLflow writes absolute paths into the store, from the folder that a command was typed in when
    the experiment was made, and would make that folder again.

    Parameters
    ----------
    uri : str
        Of the store; servers keep their artifacts themselves.
    experiment : str
        Made if it does not exist.
    """
    if not uri.startswith(SQLITE):
        return
    file = Path(uri.removeprefix(SQLITE))
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        client.create_experiment(experiment, artifact_location=str(file.parent / ARTIFACTS))
        return
    root = _root_of(found.artifact_location)
    if root is None or root == file.parent / ARTIFACTS:
        return
    with contextlib.closing(sqlite3.connect(file)) as store, store:
        for table, column in PLACES:
            store.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)",
                (str(root), str(file.parent / ARTIFACTS)),
            )
    logger.warning("the project was at %s; artifacts of its runs are looked for beside it now",
                   root.parent)  # fmt: skip


def _root_of(location: str) -> Path | None:
    """Local folder of all artifacts above that of an experiment; None of those elsewhere."""
    parsed = urlparse(location)
    if parsed.scheme not in ("", "file"):
        return None
    path = Path(unquote(parsed.path))
    return next((p for p in (path, *path.parents) if p.name == ARTIFACTS), None)
