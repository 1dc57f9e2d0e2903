"""Executable knowledge base for imaging genetics, as a Kedro project."""

import os
import warnings

__version__ = "0.1.0"

# Kedro and MLflow report on their use unless told not to. A file in the project's folder tells
# Kedro only there: not in a copy without hidden files, not in a packaged project, and never MLflow.
for _off in ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY"):
    os.environ.setdefault(_off, "true")


def import_tracking_quietly() -> None:
    """Import kedro-mlflow without the hint to model authors that its own class raises.

    Kedro calls this before it loads plugins (entry point ``kedro.init``); otherwise every command
    would begin with two lines that no user can act on. MLflow forces the warning through any
    filter, so it is recorded instead.
    """
    with warnings.catch_warnings(record=True):
        import kedro_mlflow.framework.hooks  # noqa: F401
