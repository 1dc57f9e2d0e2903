"""Executable knowledge base for imaging genetics, as a Kedro project."""

import warnings

__version__ = "0.1.0"


def import_tracking_quietly() -> None:
    """Import kedro-mlflow without the hint to model authors that its own class raises.

    Kedro calls this before it loads plugins (entry point ``kedro.init``); otherwise every command
    would begin with two lines that no user can act on. MLflow forces the warning through any
    filter, so it is recorded instead.
    """
    with warnings.catch_warnings(record=True):
        import kedro_mlflow.framework.hooks  # noqa: F401
