"""Random numbers of their own for networks, without a trace outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic(seed: int, device: str = "cpu") -> Iterator[None]:
    """Same numbers for the same seed inside, and nothing of it left outside.

    On a GPU operations without a deterministic form are let through with a warning.

    Parameters
    ----------
    seed : int
        Of torch's global generator, which initial weights and dropout draw from.
    device : str
        Where the computation runs.
    """
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    devices = [torch.device(device)] if device != "cpu" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=device != "cpu")
        # It looks for reads of memory that nobody wrote, at a tenth of the time of a training.
        torch.utils.deterministic.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=only_warned)
            torch.utils.deterministic.fill_uninitialized_memory = filled
