"""An encoder of a laboratory's own that has learned one direction, and knows of twins."""

from __future__ import annotations

import numpy as np

from neurogenomics_kb.brain.t1 import NeuralT1Encoder

SHAPE = (8, 8, 8)
WIDTH = 4


def pattern() -> np.ndarray:
    """What the pretraining found in heads."""
    drawn = np.random.default_rng(7).normal(size=SHAPE)
    drawn -= drawn.mean()
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


class LearnedProjection(NeuralT1Encoder):
    """One linear layer: trained, its first row is the pattern; its twin's rows are random."""

    def __init__(self, *, random_weights: int | None = None, **options):
        import torch

        torch.manual_seed(99 if random_weights is None else random_weights)
        layer = torch.nn.Linear(int(np.prod(SHAPE)), WIDTH, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.nn.functional.normalize(torch.randn_like(layer.weight)))
            if random_weights is None:
                layer.weight[0] = torch.from_numpy(pattern().ravel())
        network = torch.nn.Sequential(torch.nn.Flatten(), layer)
        super().__init__(network, dim=WIDTH, shape=SHAPE, **options)


class Untwinned(NeuralT1Encoder):
    """One that takes no random weights."""

    def __init__(self, *, batch: int = 4):
        trained = LearnedProjection()
        super().__init__(trained.network, dim=WIDTH, shape=SHAPE, batch=batch)
