"""Project settings read by Kedro at start-up."""

import warnings

from neurogenomics_kb.project.config import CohortConfigLoader, resolve_cohort_dir
from neurogenomics_kb.project.hooks import RawFilesFirst, SameRecipe, Tracking, WholeOutputs

# Modalities are namespaced, so `smri.features` is the name that users should see everywhere; Kedro
# warns when a pipeline outside the namespace, such as the simulation, mentions it.
warnings.filterwarnings("ignore", message="One or more dataset names contain '.'")

CONFIG_LOADER_CLASS = CohortConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    # The cohort that runs where no --env is given.
    "default_run_env": "demo",
    # Environments say only what differs; without a soft merge a cohort that sets one threshold
    # would lose every other parameter of that group.
    "merge_strategy": {"parameters": "soft", "globals": "soft", "mlflow": "soft"},
    "custom_resolvers": {"cohort_dir": resolve_cohort_dir},
}

HOOKS = (RawFilesFirst(), WholeOutputs(), SameRecipe(), Tracking())
