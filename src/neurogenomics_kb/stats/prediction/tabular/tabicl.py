"""TabICL behind the estimators of this project."""

from __future__ import annotations

from pathlib import Path

from sklearn.base import BaseEstimator

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.tabular.members import Limits
from neurogenomics_kb.stats.prediction.tabular.weights import Source, find_weights, read_settings

SOURCE = Source(
    package="tabicl",
    environment="NGKB_TABICL",
    weights="TabICL: jingang/TabICL, tabicl-classifier-v2-20260212.ckpt or "
    "tabicl-regressor-v2-20260212.ckpt, BSD 3-Clause.",
    suffixes=(".ckpt", ".pt", ".pth"),
)
# Tables on which version 2 was trained, by the README of the package: beyond 100 columns it "can
# degrade"; 48,000 rows.
LIMITS = Limits(samples=48_000, features=100)


def weights(path: str | None, *, continuous: bool) -> Path:
    """File with weights for this kind of outcome.

    Raises
    ------
    InputError
        If there is none, or it is for the other kind.
    """
    file = find_weights(SOURCE, path)
    settings = read_settings(file)
    if (settings.get("max_classes", 10) == 0) != continuous:
        what = ("a score", "classes") if continuous else ("classes", "a score")
        raise InputError(
            f"the outcome is {what[0]}, and these weights of tabicl predict {what[1]}",
            file=file.name,
            remedy=f"Name the other checkpoint. {SOURCE.weights}",
        )
    return file


def limits(file: Path, *, continuous: bool, device: str) -> Limits:
    """Rows and columns of a training set; any number of classes, which are divided in steps."""
    return LIMITS


def make(
    file: Path, *, continuous: bool, n_estimators: int, device: str, seed: int
) -> BaseEstimator:
    """Unfitted estimator of the package, which reads `file` and nothing else."""
    from tabicl import TabICLClassifier, TabICLRegressor

    kind = TabICLRegressor if continuous else TabICLClassifier
    return kind(
        n_estimators=n_estimators,
        model_path=file,
        allow_auto_download=False,
        device=device,
        random_state=seed,
    )
