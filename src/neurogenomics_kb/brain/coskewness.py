"""How parcels share the third moments of their series: the co-skewness subspace."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.denoising import check_signals


def coskewness_gram(timeseries: pd.DataFrame, *, subject: str = "") -> np.ndarray:
    """Gram matrix of the parcels' co-skewness.

    With standardised series X (parcels × frames) the co-skewness of three parcels is
    ``C_ipq = Σ_t X_it X_pt X_qt / T``, and the similarity of two parcels by all that they share
    with pairs of others is ``G_ij = Σ_pq C_ipq C_jpq``. The tensor, parcels cubed, is never made:
    ``G = X (K ∘ K) Xᵀ / T²`` with ``K = XᵀX``. It is zero in expectation, but for the noise of few
    frames, where series are Gaussian; a correlation matrix sees nothing of it.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Cleaned signals.
    subject : str
        Whose data they are, for messages.

    Returns
    -------
    ndarray, shape (n_parcels, n_parcels)
        Symmetric and positive semidefinite, in the order of the columns.

    Raises
    ------
    InputError
        If a parcel is constant or has gaps.
    """
    signals = check_signals(timeseries, subject)
    signals = signals - signals.mean(axis=0)
    signals = signals / signals.std(axis=0)
    kernel = signals @ signals.T
    kernel *= kernel
    return signals.T @ kernel @ signals / len(signals) ** 2
