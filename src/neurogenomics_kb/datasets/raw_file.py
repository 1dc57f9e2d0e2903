"""What datasets of raw files share."""

from __future__ import annotations

from pathlib import Path

from neurogenomics_kb.foundation.errors import InputError


def require_file(path: Path, what: str) -> Path:
    """Return `path` if it is a file.

    Raises
    ------
    InputError
        Saying which file is missing and where the cohort's folder is set.
    """
    if not path.is_file():
        raise InputError(
            f"the {what} is missing",
            file=path,
            remedy="Put it there, or set the environment variable NGKB_<COHORT>_DIR to the "
            "cohort's folder.",
        )
    return path
