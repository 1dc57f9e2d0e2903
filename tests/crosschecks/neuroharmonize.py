"""Writes reference/neuroharmonize.json; run it where neuroHarmonize is installed.

neuroHarmonize draws the folds of its penalty search at random, and searches per feature. Here the
search returns a fixed weight near zero, so that both programs fit the same regression splines.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

N, TRAIN, FEATURES = 150, 110, 5


def cohort() -> tuple[pd.DataFrame, np.ndarray]:
    """Covariates SITE, age, sex and features with a bent age effect."""
    rng = np.random.default_rng(11)
    site = np.array(["a", "b", "c"])[np.arange(N) % 3]
    # The oldest and the youngest are in training, so that nobody lies beyond its knots.
    age = np.concatenate([[8.0, 22.0], rng.uniform(8, 22, N - 2)])
    sex = rng.integers(0, 2, N).astype(float)
    shift = {"a": 0.0, "b": 0.9, "c": -0.6}
    scale = {"a": 1.0, "b": 1.5, "c": 0.7}
    values = rng.normal(size=(N, FEATURES)) * np.array([scale[s] for s in site])[:, None]
    values += np.array([shift[s] for s in site])[:, None] * rng.uniform(0.5, 1.5, FEATURES)
    values += np.sin(age / 4)[:, None] * rng.uniform(0.5, 2, FEATURES) + 0.4 * sex[:, None]
    return pd.DataFrame({"SITE": site, "age": age, "sex": sex}), values


def main() -> None:
    """Fit on the first rows, apply to all."""
    from importlib.metadata import version

    import neuroHarmonize
    from statsmodels.gam.api import GLMGam

    GLMGam.select_penweight_kfold = lambda self, *args, **kwargs: (np.array([1e-12]),)
    covariates, values = cohort()
    covariates, values = covariates.round(6), values.round(6)
    model, fitted = neuroHarmonize.harmonizationLearn(
        values[:TRAIN], covariates.iloc[:TRAIN], smooth_terms=["age"]
    )
    applied = neuroHarmonize.harmonizationApply(values, covariates, model)
    _, linear = neuroHarmonize.harmonizationLearn(values[:TRAIN], covariates.iloc[:TRAIN])
    stored = {
        "program": f"neuroHarmonize {version('neuroHarmonize')}",
        "fitted": fitted.round(6).tolist(),
        "applied": applied.round(6).tolist(),
        "linear": linear.round(6).tolist(),
    }
    file = Path(__file__).parent / "reference" / "neuroharmonize.json"
    file.write_text(json.dumps(stored) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
