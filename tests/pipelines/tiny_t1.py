"""What a laboratory writes to plug an encoder in: one small class."""

from __future__ import annotations

import torch

from neurogenomics_kb.brain.t1 import NeuralT1Encoder


class TinyCnn(NeuralT1Encoder):
    """Two convolutions and an average, with random weights of one seed."""

    def __init__(self, *, channels: int = 4, seed: int = 0, **options):
        torch.manual_seed(seed)
        network = torch.nn.Sequential(
            torch.nn.Conv3d(1, channels, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Conv3d(channels, channels, 3, padding=1, stride=2),
            torch.nn.AdaptiveAvgPool3d(1),
            torch.nn.Flatten(),
        )
        super().__init__(network, dim=channels, **options)
