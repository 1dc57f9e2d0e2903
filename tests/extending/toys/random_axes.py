"""A projector: random axes, by an estimator that scikit-learn has."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from sklearn.random_projection import GaussianRandomProjection

from neurogenomics_kb.registry.cards.parts import ProjectorOptions


class RandomAxesOptions(ProjectorOptions):
    type: Literal["random_axes"]
    dim: int = Field(ge=1)
    seed: int = 0


def build(
    options: RandomAxesOptions, *, n_blocks: int, subjects_per_dimension: float, modality: str
) -> GaussianRandomProjection:
    return GaussianRandomProjection(options.dim, random_state=options.seed)
