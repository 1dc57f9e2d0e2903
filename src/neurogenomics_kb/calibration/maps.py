"""Unrelated maps of regions through the node that compares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import INFERENCE, LOADINGS
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.compare import (
    Places,
    compare_maps,
)

# Half-axes of a hemisphere and its distance from the midline (mm), and how far centres of regions
# are from the mirror images of their counterparts.
SHAPE, OFFSET, JITTER = (25.0, 70.0, 50.0), 35.0, 2.0


@dataclass(frozen=True)
class MapSettings:
    """What two unrelated maps look like.

    Attributes
    ----------
    regions : int
        Of one hemisphere.
    smoothness : float
        Standard deviation of the smoothing kernel, in radii of the sphere.
    symmetry : float
        Share of the variance that the hemispheres have in common.
    noise : float
        Standard deviation of unsmoothed noise, where that of the smooth part is 1.
    """

    regions: int = 34
    smoothness: float = 0.4
    symmetry: float = 0.8
    noise: float = 0.3


def map_p_values(settings: MapSettings, seed: int, **experiment: Any) -> dict[str, float]:
    """P-values of two unrelated maps, by a spatial null model and by counting regions."""
    rng = np.random.default_rng(seed)
    half = _evenly_on_sphere(settings.regions)
    sphere = np.vstack([half, half * [-1, 1, 1]])
    side = np.repeat([-1.0, 1.0], settings.regions)
    brain = sphere * SHAPE + OFFSET * side[:, None] * [1, 0, 0]
    brain += np.random.default_rng(1).normal(scale=JITTER, size=brain.shape)
    names = [f"{s}_r{i}" for s in ("lh", "rh") for i in range(settings.regions)]
    root = np.linalg.cholesky(
        np.exp(-(cdist(half, half) ** 2) / (2 * settings.smoothness**2)) + 1e-9 * np.eye(len(half))
    )

    def draw() -> np.ndarray:
        common, left, right = (root @ rng.normal(size=(len(half), 3))).T
        share = settings.symmetry
        both = [np.sqrt(share) * common + np.sqrt(1 - share) * own for own in (left, right)]
        return np.concatenate(both) + settings.noise * rng.normal(size=len(sphere))

    pair = {"x": "gene", "y": "brain", "component": 1}
    loadings = pd.DataFrame({"unit": names, "feature": names, "loading": draw()}).assign(
        **pair, side="y", block="brain", group="thickness"
    )
    inference = pd.DataFrame([{**pair, "p_adjusted": 1.0}])
    places = [pd.DataFrame(A, index=names, columns=list("xyz")) for A in (sphere, brain)]
    recipe = make_recipe(
        CohortSettings(), analyses=["cca", "reference_maps"], seed=seed, **experiment
    )
    row = compare_maps(
        recipe,
        inference.reindex(columns=list(INFERENCE.names)),
        loadings.reindex(columns=list(LOADINGS.names)),
        pd.DataFrame({"reference": draw()}, index=names),
        Places(*places),
    ).iloc[0]
    return {
        f"maps of regions, {recipe.experiment.spatial_null}": row["p_raw"],
        "naive: correlation of maps, regions taken as independent": row["p_naive"],
    }


def _evenly_on_sphere(n: int) -> np.ndarray:
    """Points on a sphere in a Fibonacci spiral (n, 3)."""
    i = np.arange(n) + 0.5
    polar, around = np.arccos(1 - 2 * i / n), np.pi * (1 + np.sqrt(5)) * i
    return np.stack(
        [np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1
    )
