"""Project settings read by Kedro at start-up."""

from kedro.config import OmegaConfigLoader

from neurogenomics_kb.config import resolve_cohort_dir
from neurogenomics_kb.hooks import SameRecipe, Tracking, WholeOutputs

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # Environments say only what differs; without a soft merge a cohort that sets one threshold
    # would lose every other parameter of that group.
    "merge_strategy": {"parameters": "soft", "globals": "soft", "mlflow": "soft"},
    "custom_resolvers": {"cohort_dir": resolve_cohort_dir},
}

HOOKS = (WholeOutputs(), SameRecipe(), Tracking())
