"""Project settings read by Kedro at start-up."""

from neurogenomics_kb.project.compute import Compute
from neurogenomics_kb.project.config import CohortConfigLoader, resolve_cohort_dir
from neurogenomics_kb.project.given import Given
from neurogenomics_kb.project.hooks import RawFilesFirst, Tracking
from neurogenomics_kb.project.one_run import OneRun
from neurogenomics_kb.project.outputs import SameRecipe, WholeOutputs
from neurogenomics_kb.project.resources import Resources
from neurogenomics_kb.project.turns import Turns

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

# `OneRun` stands in its place.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow", "kedro_mlflow")
# The last one is asked first: a run looks at what it was given, takes its turn, looks at its files,
# cleans up, compares with what is there, and only then opens a tracked run.
HOOKS = (
    Compute(), RawFilesFirst(), OneRun(), SameRecipe(), WholeOutputs(), Tracking(), Resources(),
    Turns(), Given(),
)  # fmt: skip
