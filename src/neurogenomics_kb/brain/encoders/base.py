"""What every brain encoder offers, and what does not depend on the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import read_text

DTYPES = ("float32", "float64", "bfloat16")
BATCH = 8


@dataclass(frozen=True)
class PreparedRun:
    """A run as an encoder sees it: scaled, and at the encoder's repetition time.

    Parameters
    ----------
    n_frames : int
        Number of frames.
    tr : float
        Repetition time (s) of these frames.
    cut : callable
        ``cut(start, stop)`` gives the frames from `start` up to `stop`: (frames, parcels), or
        (x, y, z, frames) for volumes.
    """

    n_frames: int
    tr: float
    cut: Callable[[int, int], np.ndarray]


class BrainEncoder(Protocol):
    """What every brain encoder offers.

    Attributes
    ----------
    reads : {"parcels", "volumes"}
    dim : int
        Length of an embedding.
    names : list of str
        Names of the components, all different.
    framing : dict
        Scaling, repetition time and pooling, to be recorded with the embeddings.
    weights_fingerprint : str
    """

    reads: Literal["parcels", "volumes"]
    dim: int
    names: list[str]
    framing: dict[str, Any]
    weights_fingerprint: str

    def prepare(self, run: Any, tr: float | None, *, subject: str = "") -> PreparedRun:
        """Check, scale and resample a run."""
        ...

    def span(self, tr: float) -> tuple[int, int]:
        """Fewest and most frames of a segment at a repetition time (s)."""
        ...

    def embed(self, segments: Sequence[np.ndarray], tr: float) -> np.ndarray:
        """Embed each segment, frames `tr` seconds apart; shape (n_segments, dim)."""
        ...


class NeuralBrainEncoder:
    """A network on segments as an encoder; each model says how a segment becomes its input.

    Parameters
    ----------
    network : torch.nn.Module
        The network, with its weights.
    dim : int
        Width of the tokens.
    pooling : str
        One of the model's `poolings`: how tokens become the embedding of a segment.
    batch : int
        Segments that go through the network together.
    device : str
        Where the network runs: cpu, cuda or cuda:<number>. Default cpu.
    dtype : {"float32", "float64", "bfloat16"}
        Number type of the network. Default float32.
    framing : dict
        Recorded with the embeddings; pooling and number type are added.
    weights_fingerprint : str
        Hash of the checkpoint.

    Notes
    -----
    Segments of one shape go together and none is padded for its neighbours' sake, so neither batch
    nor order changes a result beyond the rounding of the number type.
    """

    reads: ClassVar[Literal["parcels", "volumes"]] = "parcels"
    poolings: ClassVar[tuple[str, ...]] = ("mean",)

    def __init__(
        self,
        network: Any,
        *,
        dim: int,
        pooling: str | None = None,
        batch: int = BATCH,
        device: str = "cpu",
        dtype: str = "float32",
        framing: dict[str, Any] | None = None,
        weights_fingerprint: str = "",
    ) -> None:
        import torch

        pooling = pooling or self.poolings[0]
        if pooling not in self.poolings:
            raise InputError(
                f"this model has no pooling '{pooling}'",
                column="pooling",
                remedy=f"Choose {' or '.join(self.poolings)}.",
            )
        if dtype not in DTYPES:
            raise InputError(
                f"dtype {dtype!r} is not supported",
                column="dtype",
                remedy=f"Choose one of {', '.join(DTYPES)}.",
            )
        self.network = network.to(device=device, dtype=getattr(torch, dtype)).eval()
        self.network.requires_grad_(False)
        self.dim, self.pooling, self.batch = dim, pooling, batch
        self.device, self.dtype = device, dtype
        self.weights_fingerprint = weights_fingerprint
        self.names = [f"d{i}" for i in range(dim)]
        self.framing = {**(framing or {}), "pooling": pooling, "dtype": dtype}

    # --- what a model says --------------------------------------------------------------------

    def span(self, tr: float) -> tuple[int, int]:
        """Fewest and most frames of a segment."""
        raise NotImplementedError

    def arrange(self, batch: np.ndarray) -> np.ndarray:
        """Input of the network for segments of one shape."""
        raise NotImplementedError

    def forward(self, tensor: Any, tr: float) -> Any:
        """Tokens; (batch, n_tokens, dim)."""
        return self.network(tensor)

    def pool(self, tokens: Any, shape: tuple[int, ...]) -> Any:
        """Embeddings from tokens; `shape` is that of one segment."""
        return tokens.mean(dim=1)

    # --- embeddings ---------------------------------------------------------------------------

    def embed(self, segments: Sequence[np.ndarray], tr: float = float("nan")) -> np.ndarray:
        """Embed each segment; float32, shape (n_segments, dim).

        Parameters
        ----------
        segments : sequence of ndarray
            From `PreparedRun.cut`.
        tr : float
            Seconds between frames; only a model whose patches are of equal seconds needs it.

        Raises
        ------
        InputError
            If a segment is too short or too long for the model.
        """
        import torch

        out = np.empty((len(segments), self.dim), dtype=np.float32)
        shapes = defaultdict(list)
        for number, segment in enumerate(segments):
            shapes[np.shape(segment)].append(number)
        for shape, numbers in shapes.items():
            self.check_length(shape, tr)
            for first in range(0, len(numbers), self.batch):
                some = numbers[first : first + self.batch]
                alone = len(some) == 1  # a copy of a segment of volumes costs as much as a layer
                batch = segments[some[0]][None] if alone else np.stack([segments[i] for i in some])
                arranged = self.arrange(batch)
                with torch.inference_mode():
                    pooled = self.pool(self.forward(self.tensor(arranged), tr), shape)
                out[some] = pooled.float().cpu().numpy()
        return out

    def embed_tokens(self, segment: np.ndarray, tr: float = float("nan")) -> np.ndarray:
        """Hidden states of one segment; shape (n_tokens, dim)."""
        import torch

        self.check_length(segment.shape, tr)
        with torch.inference_mode():
            tokens = self.forward(self.tensor(self.arrange(segment[None])), tr)
        return tokens[0].float().cpu().numpy()

    def tensor(self, values: np.ndarray) -> Any:
        """Values on the network's device and of its number type."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(values))
        return tensor.to(self.device, getattr(torch, self.dtype))

    def check_length(self, shape: tuple[int, ...], tr: float) -> None:
        """Refuse segments that the network was not made for."""
        frames = shape[0] if self.reads == "parcels" else shape[-1]
        shortest, longest = self.span(tr)
        if not shortest <= frames <= longest:
            raise InputError(
                f"a segment of {frames} frames does not fit the model, which takes {shortest}"
                + ("" if shortest == longest else f" to {longest}"),
                column="frames",
                remedy="Correct the strategy's segment level, or leave shorter runs out.",
            )


def require_tr(tr: float | None, subject: str = "") -> float:
    """Repetition time in seconds.

    Raises
    ------
    InputError
        If it is missing.
    """
    if tr is None or not tr > 0:
        raise InputError(
            "the repetition time is missing, and encoders depend on it",
            file=f"run of {subject}",
            column="RepetitionTime",
            remedy="Give RepetitionTime (s) in the sidecar.",
        )
    return float(tr)


def check_parcels(
    timeseries: pd.DataFrame,
    n_parcels: int,
    order: Sequence[str] | None,
    model: str,
    subject: str = "",
) -> np.ndarray:
    """Parcel series as an array, after checking that they are those of the model.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Series of one run.
    n_parcels : int
        Number of parcels.
    order : sequence of str, optional
        Names of the parcels in the model's order; without it only their number is checked.
    model, subject : str
        For messages.

    Raises
    ------
    InputError
        For another number of parcels, another order, or a value that is no finite number.
    """
    file = f"time series of {subject}"
    if timeseries.shape[1] != n_parcels:
        raise InputError(
            f"there are {timeseries.shape[1]} parcels, {model} reads {n_parcels}",
            file=file,
            remedy="Extract the series with the atlas that the model card names.",
        )
    columns = [str(c) for c in timeseries.columns]
    if order is not None and columns != list(order):
        first = next(i for i, (a, b) in enumerate(zip(columns, order, strict=True)) if a != b)
        same = sorted(columns) == sorted(order)
        raise InputError(
            f"parcel {first + 1} is '{columns[first]}', {model} wants '{order[first]}' there"
            + ("" if same else "; the parcels are not those of its atlas"),
            file=file,
            remedy="Bring the columns into the model's order."
            if same
            else "Extract the series with the atlas that the model card names.",
        )
    try:
        values = timeseries.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        values = np.full(timeseries.shape, np.nan)
    gaps = ~np.isfinite(values).all(axis=1)
    if gaps.any():
        raise InputError(
            f"{int(gaps.sum())} of {len(values)} frames hold no finite number",
            file=file,
            remedy="Run preprocessing again for this subject, or list it in fmri.quality.exclude.",
        )
    return values


def read_order(file: Any, n_parcels: int) -> list[str]:
    """Names of parcels, one a line, in the order of a model.

    Raises
    ------
    InputError
        If their number is not that of the model.
    """
    names = read_text(file, "a list of parcels").split()
    if len(names) != n_parcels or len(set(names)) != n_parcels:
        raise InputError(
            f"{len(set(names))} different names for {n_parcels} parcels",
            file=file,
            remedy="Write one name a line, in the model's order.",
        )
    return names


def check_sizes(published: dict[str, Any], sizes: dict[str, Any] | None) -> dict[str, Any]:
    """Published sizes with the changes of a spec.

    Raises
    ------
    InputError
        If a size is unknown.
    """
    unknown = sorted(set(sizes or {}) - set(published))
    if unknown:
        raise InputError(
            f"there is no size '{unknown[0]}'",
            column="sizes",
            remedy=f"Known sizes: {', '.join(published)}.",
        )
    return published | dict(sizes or {})
