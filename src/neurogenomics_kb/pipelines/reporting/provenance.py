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
    """Package version, with the commit and ``-dirty`` where the code of a checkout was changed.

    Where git does not tell, as for the checkout of another owner or an installed package, which may
    lie in the checkout of something else, a hash of the code stands in the commit's place.
    """
    try:
        told = _checkout_version(Path(neurogenomics_kb.__file__))
    except (OSError, subprocess.SubprocessError) as error:
        told = ""
        if any((folder / ".git").exists() for folder in Path(__file__).parents):
            said = str(getattr(error, "stderr", None) or error).strip().splitlines()
            logger.warning("git does not tell the version of the code (%s)", said[0])
    return f"{__version__}+{told or f'code.{code_digest()[:10]}'}"


def _checkout_version(module: Path) -> str:
    """Commit of the checkout that a package is tracked in, with its mark; empty if in none."""
    package = module.parent
    if not _git("ls-files", "--", module.name, folder=package):
        return ""
    commit = _git("describe", "--always", "--abbrev=10", "--exclude=*", folder=package)
    # Cards and configuration that were edited are on the result card themselves.
    changed = _git("status", "--porcelain", "--", ".", folder=package)
    return f"{commit}-dirty" if changed else commit


def _git(*words: str, folder: Path) -> str:
    """What git says in a folder."""
    return subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, timeout=10, check=True
    ).stdout.strip()


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
