"""A rung that remembers whom it was shown."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.cards.rungs import RungOptions
from neurogenomics_kb.stats.ladder.inputs import Inputs

SEEN: list[dict] = []


class WatchingOptions(RungOptions):
    """A rung that fails in one fold if asked to.

    Parameters
    ----------
    fails_in : int
        0 or more: it fails; it does not by default.
    """

    reads_features: ClassVar[bool] = True
    reads_unlabelled: ClassVar[bool] = True

    type: Literal["watching"]
    fails_in: int = -1


class Watching:
    """Predicts a constant, and keeps the families that it was shown."""

    def __init__(self, fails_in: int) -> None:
        self.fails_in = fails_in
        self.controls: dict = {}
        self.history: list = []

    def fit(self, inputs: Inputs, y, splits, unlabelled=None):
        if self.fails_in >= 0:
            raise InputError("it cannot be fitted here", remedy="Use another.")
        self.seen = {
            "trained": groups_of(inputs),
            "unlabelled": groups_of(unlabelled),
        }
        return self

    def predict(self, inputs: Inputs) -> np.ndarray:
        SEEN.append({**self.seen, "predicted": groups_of(inputs)})
        return np.full(len(inputs), 0.5)


def groups_of(inputs: Inputs | None) -> list:
    """Families of people; empty where they are unrelated or not there."""
    return [] if inputs is None or inputs.groups is None else list(inputs.groups)


def build(options: WatchingOptions, *, continuous: bool, seed: int, predictor) -> Watching:
    return Watching(options.fails_in)
