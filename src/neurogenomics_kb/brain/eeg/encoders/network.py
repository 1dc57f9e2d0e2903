"""Any network of PyTorch as a segment encoder."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError, listing


class NetworkEncoder:
    """A network that reads fixed channels at a fixed rate.

    Base of adapters of foundation models: a subclass or a function reads the weights
    (`neurogenomics_kb.foundation.tensors`) and says what the model was trained on.

    Parameters
    ----------
    network : torch.nn.Module
        Maps (n_segments, n_channels, n_times) to (n_segments, dim).
    channels : sequence of str
        Positions of the 10-10 system that it reads, in its order.
    sfreq : float
        Its sampling rate in Hz.
    dim : int
        Length of a vector.
    n_times : int, optional
        Samples of a segment that it reads; segments of another length are refused.
    unit_uv : float
        µV that are one in its input (1000 for a model that reads mV).
    batch : int
        Segments at a time.
    device : str
        Where the network runs: cpu, cuda or cuda:<number>. Default cpu.
    """

    def __init__(
        self,
        network: Any,
        *,
        channels: Sequence[str],
        sfreq: float,
        dim: int,
        n_times: int | None = None,
        unit_uv: float = 1.0,
        batch: int = 64,
        device: str = "cpu",
    ) -> None:
        self.network = network.to(device).eval()
        self.channels, self.sfreq, self.dim, self.n_times = list(channels), sfreq, dim, n_times
        self.unit_uv, self.batch, self.device = unit_uv, batch, device
        self.names = [f"d{number:04d}" for number in range(dim)]
        self.framing = {"channels": len(self.channels), "sfreq": sfreq, "unit_uv": unit_uv}

    def embed(self, segments: np.ndarray, channels: Sequence[str], sfreq: float) -> np.ndarray:
        """Embed segments; float64, shape (n_segments, dim).

        Raises
        ------
        InputError
            If a channel of the model is missing, or segments have another length.
        """
        import torch
        from scipy.signal import resample_poly

        missing = [name for name in self.channels if name not in channels]
        if missing:
            raise InputError(
                f"the encoder reads {len(self.channels)} channels and the recording lacks "
                f"{listing(missing)}",
                column="channels",
                remedy="Use an encoder of this montage, or leave the recording out.",
            )
        chosen = segments[:, [list(channels).index(name) for name in self.channels]]
        if sfreq != self.sfreq:
            ratio = Fraction(self.sfreq / sfreq).limit_denominator(1000)
            chosen = resample_poly(chosen, ratio.numerator, ratio.denominator, axis=2)
        if self.n_times is not None and chosen.shape[2] != self.n_times:
            raise InputError(
                f"the encoder reads segments of {self.n_times} samples at {self.sfreq:g} Hz, these "
                f"have {chosen.shape[2]}",
                column="segment_seconds",
                remedy=f"Set eeg.cleaning.segment_seconds to {self.n_times / self.sfreq:g}.",
            )
        chosen = np.ascontiguousarray(chosen / self.unit_uv, dtype=np.float32)
        parts = []
        with torch.inference_mode():
            for start in range(0, len(chosen), self.batch):
                part = torch.from_numpy(chosen[start : start + self.batch]).to(self.device)
                parts.append(self.network(part).cpu().double().numpy())
        return np.concatenate(parts) if parts else np.empty((0, self.dim))
