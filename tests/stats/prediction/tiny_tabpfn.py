"""A TabPFN of random weights, which shows the way from file to prediction and nothing more."""

from __future__ import annotations

from pathlib import Path

BUCKETS = 20


def write(path: Path, *, continuous: bool = False) -> Path:
    """Write a checkpoint of version 2's architecture, whose code and weights are free."""
    import torch
    from tabpfn.architectures import tabpfn_v2
    from tabpfn.architectures.shared.bar_distribution import FullSupportBarDistribution

    torch.manual_seed(0)
    settings = {"emsize": 16, "nlayers": 1, "nhead": 2, "num_buckets": BUCKETS}
    settings["max_num_classes"] = 0 if continuous else 10
    net = tabpfn_v2.get_architecture(tabpfn_v2.parse_config(settings)[0])
    tensors = dict(net.state_dict())
    if continuous:
        criterion = FullSupportBarDistribution(torch.linspace(-4, 4, BUCKETS + 1))
        tensors |= {f"criterion.{name}": each for name, each in criterion.state_dict().items()}
    torch.save({"config": settings, "state_dict": tensors}, path)
    return path
