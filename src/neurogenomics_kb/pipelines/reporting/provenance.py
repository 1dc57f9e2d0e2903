"""Which code and which tracked run produced a result."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from pathlib import Path

import mlflow

import neurogenomics_kb
from neurogenomics_kb import __version__


def code_version() -> str:
    """Package version, with the commit and a mark for uncommitted changes in a checkout."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"],
            cwd=here, capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{described}"


@cache
def code_digest() -> str:
    """Hash of every module of the package, with or without version control."""
    package = Path(neurogenomics_kb.__file__).parent
    content = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        content.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:16]


def active_run_id() -> str | None:
    """MLflow run that is open, if any."""
    run = mlflow.active_run()
    return None if run is None else run.info.run_id
