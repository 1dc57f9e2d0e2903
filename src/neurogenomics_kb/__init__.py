"""Executable knowledge base for imaging genetics, as a Kedro project."""

import warnings

__version__ = "0.1.0"

# A hint to authors of MLflow models that kedro-mlflow's own class raises while it is imported; it
# must be silenced before any module of this package imports MLflow.
warnings.filterwarnings("ignore", message=".*Add type hints to the `predict` method")
