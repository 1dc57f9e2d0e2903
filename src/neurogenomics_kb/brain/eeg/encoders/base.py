"""What every segment encoder offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SEPARATOR


class SegmentEncoder(Protocol):
    """What every segment encoder offers.

    Attributes
    ----------
    dim : int
        Length of an embedding.
    names : list of str
        Names of the components, all different, none with ``__``.
    framing : dict
        How a segment becomes what the model reads, to be recorded with the embeddings.
    """

    dim: int
    names: list[str]
    framing: dict[str, Any]

    def embed(self, segments: np.ndarray, channels: Sequence[str], sfreq: float) -> np.ndarray:
        """Embed each segment by itself.

        Parameters
        ----------
        segments : ndarray, shape (n_segments, n_channels, n_times)
            µV, average reference.
        channels : sequence of str
            Positions of the 10-10 system.
        sfreq : float
            Sampling rate in Hz.

        Returns
        -------
        ndarray, shape (n_segments, dim)
        """
        ...


def embed_segments(
    encoder: SegmentEncoder, segments: np.ndarray, channels: Sequence[str], sfreq: float
) -> np.ndarray:
    """Embeddings of segments, after checking that the encoder keeps its word.

    Raises
    ------
    InputError
        If names or shape do not fit ``dim``, or a value is infinite.
    """
    names = list(encoder.names)
    if len(set(names)) != encoder.dim or any(SEPARATOR in n or not n for n in names):
        raise InputError(
            f"the encoder names {len(set(names))} of {encoder.dim} components properly",
            column="names",
            remedy=f"Names must differ and not hold '{SEPARATOR}'.",
        )
    vectors = np.asarray(encoder.embed(segments, list(channels), sfreq), dtype=float)
    if vectors.shape != (len(segments), encoder.dim) or np.isinf(vectors).any():
        raise InputError(
            f"the encoder gave an array of shape {vectors.shape} with {np.isinf(vectors).sum()} "
            f"infinite values for {len(segments)} segments",
            column="embed",
            remedy=f"Expected ({len(segments)}, {encoder.dim}) numbers.",
        )
    return vectors
