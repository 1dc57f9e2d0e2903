"""TabPFN behind the estimators of this project."""

from __future__ import annotations

from pathlib import Path

from sklearn.base import BaseEstimator

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.tabular.members import Limits
from neurogenomics_kb.stats.prediction.tabular.weights import Source, find_weights, read_settings

SOURCE = Source(
    package="tabpfn",
    environment="NGKB_TABPFN",
    weights="TabPFN: version 2 (Prior-Labs/TabPFN-v2-clf, -reg) under the Prior Labs License, with "
    "attribution; versions 2.5, 2.6, 3 and 3.5 for non-commercial use alone.",
    suffixes=(".ckpt", ".safetensors"),
)


def weights(path: str | None, *, continuous: bool) -> Path:
    """File with weights, read as plain tensors first: the package would unpickle what it can.

    Raises
    ------
    InputError
        If there is none, or it holds more than tensors and plain values.
    """
    file = find_weights(SOURCE, path)
    read_settings(file)
    return file


def limits(file: Path, *, continuous: bool, device: str) -> Limits:
    """What the checkpoint says of itself, and on a CPU what its version takes there."""
    from tabpfn.inference_config import cpu_sample_limit
    from tabpfn.model_loading import resolve_model_version

    settings = _loaded(file, continuous=continuous).inference_config
    samples = settings.MAX_NUMBER_OF_SAMPLES
    if device == "cpu":
        samples = min(samples, cpu_sample_limit(resolve_model_version(file)))
    classes = None if continuous else settings.MAX_NUMBER_OF_CLASSES
    return Limits(samples, settings.MAX_NUMBER_OF_FEATURES, classes)


def make(
    file: Path, *, continuous: bool, n_estimators: int, device: str, seed: int
) -> BaseEstimator:
    """Unfitted estimator of the package on a model in memory, which leaves nothing to fetch."""
    import torch
    from tabpfn import TabPFNClassifier, TabPFNRegressor

    kind = TabPFNRegressor if continuous else TabPFNClassifier
    return kind(
        n_estimators=n_estimators,
        model_path=_loaded(file, continuous=continuous),
        device=device,
        # The limits are kept by subsamples, which the card may widen.
        ignore_pretraining_limits=True,
        # In half precision a prediction depends on who else is predicted.
        inference_precision=torch.float32,
        random_state=seed,
    )


def _loaded(file: Path, *, continuous: bool):
    """Model in memory, as the package's estimators take it."""
    from tabpfn import ModelSpecs
    from tabpfn.model_loading import load_model

    kind = "regressor" if continuous else "classifier"
    try:
        model, criterion, architecture, inference = load_model(path=file, estimator_type=kind)
    except (ValueError, KeyError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"tabpfn makes no {kind} of these weights ({error})",
            file=file.name,
            remedy=f"Name the checkpoint of a {kind} that the installed version knows. "
            f"{SOURCE.weights}",
        ) from None
    return ModelSpecs(
        model=model,
        architecture_config=architecture,
        inference_config=inference,
        norm_criterion=criterion if continuous else None,
    )
