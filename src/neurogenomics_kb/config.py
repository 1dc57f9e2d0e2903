"""Configuration resolvers."""

from __future__ import annotations

import os


def resolve_cohort_dir(cohort: str) -> str:
    """Folder of a cohort's raw files.

    Parameters
    ----------
    cohort : str
        Cohort id, as in ``globals.yml``.

    Returns
    -------
    str
        The environment variable ``NGKB_<COHORT>_DIR`` if it is set, else ``data/01_raw/<cohort>``.
    """
    return os.environ.get(f"NGKB_{cohort.upper()}_DIR") or f"data/01_raw/{cohort}"
