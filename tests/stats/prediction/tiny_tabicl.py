"""A TabICL of a few thousand weights, trained on synthetic tables in seconds.

The architecture is the installed package's own. Untrained weights give nearly one probability for
everybody, which would prove nothing about the way from file to prediction.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

STEPS, LEARNING_RATE = 160, 4e-3
TABLES, ROWS, KNOWN = 12, 80, 50  # in a step; rows of a table, and those whose outcome is shown
QUANTILES = 9
SETTINGS = {
    "embed_dim": 16,
    "col_num_blocks": 1,
    "col_nhead": 2,
    "col_num_inds": 8,
    "col_ssmax": False,
    "row_num_blocks": 1,
    "row_nhead": 2,
    "row_num_cls": 2,
    "icl_num_blocks": 2,
    "icl_nhead": 2,
    "icl_ssmax": False,
    "zero_init": False,
}


def settings_of(*, continuous: bool) -> dict:
    """Configuration as a checkpoint holds it; no classes means quantiles of a score."""
    own = {"max_classes": 0, "num_quantiles": QUANTILES} if continuous else {"max_classes": 3}
    return {**SETTINGS, **own}


def draw_tables(rng, count: int, n: int, p: int, *, continuous: bool):
    """Tables (count, n, p) and outcomes (count, n) that a random axis of each table decides."""
    X = rng.normal(size=(count, n, p))
    axis = rng.normal(size=(count, p, 1))
    score = (X @ (axis / np.linalg.norm(axis, axis=1, keepdims=True)))[..., 0]
    score = (score + 0.3 * rng.normal(size=score.shape)) / np.sqrt(1.09)
    return X, score if continuous else (score > 0).astype(float)


def train(path: Path, *, continuous: bool = False, steps: int = STEPS, seed: int = 0) -> Path:
    """Write a checkpoint; with no steps, of random weights."""
    import torch
    from tabicl._model.tabicl import TabICL

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    settings = settings_of(continuous=continuous)
    net = TabICL(**settings).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=max(steps, 1)
    )
    levels = torch.arange(1, QUANTILES + 1) / (QUANTILES + 1)
    for _ in range(steps):
        X, y = draw_tables(rng, TABLES, ROWS, int(rng.integers(2, 6)), continuous=continuous)
        X, y = torch.tensor(X).float(), torch.tensor(y).float()
        told, truth = net(X, y[:, :KNOWN]), y[:, KNOWN:]
        if continuous:
            gap = truth[..., None] - told
            loss = torch.maximum(levels * gap, (levels - 1) * gap).mean()
        else:
            loss = torch.nn.functional.cross_entropy(told.flatten(0, 1), truth.flatten().long())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    torch.save({"config": settings, "state_dict": net.state_dict()}, path)
    return path


@cache
def trained(*, continuous: bool = False, steps: int = STEPS) -> Path:
    """A checkpoint that is made once in a process, in a folder that the system clears."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-tabicl-"))
    return train(folder / "tiny.ckpt", continuous=continuous, steps=steps)
