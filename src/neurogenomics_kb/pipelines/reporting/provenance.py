"""Which code and which tracked run produced a result."""

from __future__ import annotations

import hashlib
import logging
import subprocess
from functools import cache
from pathlib import Path

import mlflow

import neurogenomics_kb
from neurogenomics_kb import __version__

logger = logging.getLogger(__name__)


def code_version() -> str:
    """Package version, with the commit and a mark for uncommitted changes in a checkout.

    Where git does not tell, as for the checkout of another owner, a hash of the code stands in the
    commit's place, and the log says why.
    """
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"],
            cwd=here, capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        if any((folder / ".git").exists() for folder in here.parents):
            said = str(getattr(error, "stderr", None) or error).strip().splitlines()
            logger.warning("git does not tell the version of the code (%s)", said[0])
        described = f"code.{code_digest()[:10]}"
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
