"""Configuration: where a cohort's files are, and which experiment runs."""

from __future__ import annotations

import os
from typing import Any

from kedro.config import OmegaConfigLoader

WHOLE_EXPERIMENT = {"id", "outcome"}


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


def is_whole(experiment: Any) -> bool:
    """Whether an experiment stands by itself, rather than changing a few fields of another."""
    if not isinstance(experiment, dict) or not set(experiment) >= WHOLE_EXPERIMENT:
        return False
    return "blocks" in experiment or "fusion" in experiment


class ExperimentConfigLoader(OmegaConfigLoader):
    """Kedro's loader, except that a whole experiment replaces the default one.

    Parameters are merged key by key, which is what ``--params experiment.blocks.brain=…`` wants.
    An experiment file that names its own blocks must not inherit the default's, though, or a study
    of two blocks would run with three.
    """

    def _merge_and_resolve(self, key: str, config_per_file) -> dict[str, Any]:
        merged = super()._merge_and_resolve(key, config_per_file)
        given = (self.runtime_params or {}).get("experiment")
        if key == "parameters" and merged and is_whole(given):
            merged["experiment"] = given
        return merged

    def _merge_configs(self, config, env_config, key: str, env_path: str) -> Any:
        if key == "parameters" and is_whole(env_config.get("experiment")):
            config = {k: v for k, v in config.items() if k != "experiment"}
        return super()._merge_configs(config, env_config, key, env_path)
