"""Project settings read by Kedro at start-up."""

from neurogenomics_kb.project.compute import Compute
from neurogenomics_kb.project.config import LOADER_ARGUMENTS, CohortConfigLoader
from neurogenomics_kb.project.given import Given
from neurogenomics_kb.project.hooks import RawFilesFirst, Tracking
from neurogenomics_kb.project.one_run import OneRun
from neurogenomics_kb.project.outputs import SameRecipe, WholeOutputs
from neurogenomics_kb.project.resources import Resources
from neurogenomics_kb.project.turns import Turns

CONFIG_LOADER_CLASS = CohortConfigLoader
CONFIG_LOADER_ARGS = LOADER_ARGUMENTS

# `OneRun` stands in its place.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow", "kedro_mlflow")
# The last one is asked first: a run looks at what it was given, takes its turn, looks at its files,
# cleans up, compares with what is there, and only then opens a tracked run.
HOOKS = (
    Compute(), RawFilesFirst(), OneRun(), SameRecipe(), WholeOutputs(), Tracking(), Resources(),
    Turns(), Given(),
)  # fmt: skip
