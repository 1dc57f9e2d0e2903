"""Hook: runs that would write the same tables take turns.

Features are shared by the experiments of a cohort, model inputs and reports by the runs of one
experiment. A run holds both from its start to its end, so that no run ever reads what another one
is replacing. The lock is the operating system's: it ends with the process, however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.whole_files import write_json_whole
from neurogenomics_kb.project.files import NO_RIGHT, file_of

logger = logging.getLogger(__name__)

LOCK, HOLDER = ".lock", ".running.json"
# Whose folders stand for what experiments of a cohort share, and for one experiment.
SHARED, OWN = "genomics.features", "recipe"
LOOKED_S = 1.0


class Turns:
    """Wait until no other run works on the cohort and the experiment."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Any, catalog: DataCatalog) -> None:
        """Take the turn, before anything is deleted, tracked or made."""
        self._held.close()  # of a run that a hook refused, in a process that goes on
        if not pipeline.all_outputs():
            return
        # In one order everywhere, or two runs could wait for each other.
        for folder in sorted(folders_of(catalog)):
            self._held.enter_context(turn(folder))

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Let the next one begin."""
        self._held.close()

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Any) -> None:
        """Let the next one begin."""
        self._held.close()


def folders_of(catalog: DataCatalog) -> set[Path]:
    """Folders that runs of a cohort, and of an experiment, write together."""
    files = [file_of(catalog.get(name)) for name in (SHARED, OWN)]
    return {file.absolute().parent for file in files if file is not None}


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Hold a folder; wait, and say for whom, while another process holds it.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    lock = FileLock(folder / LOCK, poll_interval=LOOKED_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _acquire(lock, folder)
        write_json_whole(folder / HOLDER, describe_process())
    except NotImplementedError:
        logger.warning(
            "%s: its file system has no locks; nothing keeps two runs from working here at once",
            folder,
        )
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror})",
            file=folder,
            remedy=NO_RIGHT if error.errno == errno.EACCES else "See to the space on the disk.",
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def _acquire(lock: BaseFileLock, folder: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("%s works on %s; this run waits for it (Ctrl-C ends it)",
                       holder_of(folder), folder)  # fmt: skip
        lock.acquire()
        logger.info("%s is free", folder)


def describe_process() -> dict[str, Any]:
    """This process, for whoever waits for it."""
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200],
    }


def holder_of(folder: Path) -> str:
    """Who holds a folder, in words."""
    try:
        told = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return (
            f"`{told['command']}` (process {told['pid']} on {told['host']}, since {told['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
