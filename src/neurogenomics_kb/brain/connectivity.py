"""Functional connectivity of parcel time series."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from nilearn.connectome import prec_to_partial
from sklearn.covariance import ledoit_wolf

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.coskewness import coskewness_gram
from neurogenomics_kb.brain.denoising import NUISANCE, check_signals, denoise
from neurogenomics_kb.foundation.errors import InputError, listing

__all__ = [
    "KINDS",
    "NUISANCE",
    "attempt_run",
    "connect_run",
    "connectivity_features",
    "denoise",
    "edge_names",
    "fisher_connectivity",
    "network_of",
    "repetition_time",
    "unit_names",
]

EDGE = "~"
# Correlation from which on two parcels are one signal.
ONE_SIGNAL = 1 - 1e-7
# Group of features to what it is.
KINDS = {
    "connectivity": "Fisher z of Pearson correlations",
    "partial_correlation": "partial correlations from the shrunk covariance",
    "covariance": "shrunk covariance with its diagonal, for the tangent space",
    "precision": "inverse of the shrunk covariance with its diagonal",
    "network": "means of Fisher z within and between networks",
    "coskewness": "Gram matrix of the parcels' co-skewness with its diagonal",
}
WITH_DIAGONAL = ("covariance", "precision", "coskewness")
# 7Networks_LH_Vis_1 and 17Networks_RH_DefaultA_PFCm_2 (Schaefer et al., Cerebral Cortex 2018).
_SCHAEFER = re.compile(r"^\d+Networks_(?:LH|RH)_([A-Za-z]+)")


def repetition_time(sidecar: Mapping, *, file: str = "fmri.sidecar") -> float:
    """Repetition time (s) from a BIDS sidecar.

    Raises
    ------
    InputError
        If it is missing, not a positive number, or looks like milliseconds.
    """
    value = sidecar.get("RepetitionTime")
    if value is None:
        raise InputError(
            "the repetition time is missing",
            file=file,
            column="RepetitionTime",
            remedy="Add it in seconds, as BIDS asks.",
        )
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 30:
        raise InputError(
            f"{value!r} is not a repetition time in seconds",
            file=file,
            column="RepetitionTime",
            remedy="Write seconds (2.0, not 2000).",
        )
    return float(value)


def edge_names(parcels: Sequence[str], *, diagonal: bool = False) -> list[str]:
    """Names ``<parcelA>~<parcelB>`` of the upper triangle, row by row."""
    rows, columns = np.triu_indices(len(parcels), k=0 if diagonal else 1)
    return [f"{parcels[a]}{EDGE}{parcels[b]}" for a, b in zip(rows, columns, strict=True)]


@lru_cache(maxsize=4)
def _upper(n: int, k: int) -> np.ndarray:
    """Positions of the upper triangle in a flattened matrix."""
    return np.ravel_multi_index(np.triu_indices(n, k=k), (n, n))


def correlations(
    timeseries: pd.DataFrame, *, centred: bool = False, subject: str = ""
) -> np.ndarray:
    """Pearson correlations of all pairs of parcels, from one matrix product.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Cleaned signals.
    centred : bool
        Every parcel has mean 0, as `denoise` leaves them; otherwise it is looked at.
    subject : str
        Whose data they are, for messages.

    Returns
    -------
    ndarray, shape (n_parcels * (n_parcels - 1) / 2,)
        Upper triangle, in the order of `edge_names`.

    Raises
    ------
    InputError
        If a parcel is constant or has gaps.
    """
    signals = timeseries.to_numpy()
    # Products show gaps and constants on their diagonal, so that the slow look at every value is
    # taken only to say what is wrong.
    if signals.dtype != float or signals.shape[1] < 2 or not len(signals):
        signals = check_signals(timeseries, subject)
    products = signals.T @ signals
    power = products.diagonal()
    if not centred:
        mean = signals.mean(axis=0)
        # Subtracting n m m' from the products would lose digits where means are large.
        if not np.all(len(signals) * mean**2 <= 1e-20 * power):
            check_signals(timeseries, subject)
            signals = signals - mean
            products = signals.T @ signals
            power = products.diagonal()
    if not (np.isfinite(power).all() and (power > 0).all()):
        check_signals(timeseries, subject)
    upper = _upper(len(power), 1)
    edges = products.take(upper)
    lowest, highest = power.min(), power.max()
    if highest - lowest <= 1e-13 * highest:  # standardised, as cleaned signals are
        edges *= 1 / highest
    else:
        scale = 1 / np.sqrt(power)
        edges *= np.outer(scale, scale).take(upper)
    return edges


def fisher_connectivity(
    timeseries: pd.DataFrame,
    *,
    centred: bool = False,
    subject: str = "",
    dtype: type = np.float64,
) -> np.ndarray:
    """Fisher-z-transformed Pearson correlations of all pairs of parcels.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Cleaned signals.
    centred : bool
        Every parcel has mean 0, as `denoise` leaves them; otherwise it is looked at.
    subject : str
        Whose data they are, for messages.
    dtype : type
        Of the result. Correlations are computed in double precision in any case; single precision
        after that moves z by less than 1e-6 up to r = 0.95, against a standard error of z of 0.045
        with 490 independent frames.

    Returns
    -------
    ndarray, shape (n_parcels * (n_parcels - 1) / 2,)
        arctanh of the upper triangle, in the order of `edge_names`.

    Raises
    ------
    InputError
        If a parcel is constant, or two parcels are one signal (their z would be infinite).
    """
    edges = correlations(timeseries, centred=centred, subject=subject)
    if not (edges.max() < ONE_SIGNAL and edges.min() > -ONE_SIGNAL):
        first = int(np.flatnonzero(~(np.abs(edges) < ONE_SIGNAL))[0])
        pair = edge_names(timeseries.columns)[first].replace(EDGE, " and ")
        raise InputError(
            f"parcels {pair} hold the same signal",
            file=f"time series of {subject}",
            remedy="Remove one of them from every subject's file.",
        )
    edges = edges.astype(dtype, copy=False)
    return np.arctanh(edges, out=edges)


def shrunk_covariance(timeseries: pd.DataFrame, *, subject: str = "") -> np.ndarray:
    """Ledoit–Wolf estimate of the covariance of the parcels.

    The shrinkage (Ledoit & Wolf, Journal of Multivariate Analysis 2004) makes the matrix
    invertible with fewer frames than parcels. It takes frames as independent; band-passed frames
    are not, so it shrinks less than would be best.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Cleaned signals, in one unit.
    subject : str
        Whose data they are, for messages.

    Returns
    -------
    ndarray, shape (n_parcels, n_parcels)
        Positive definite.

    Raises
    ------
    InputError
        If a parcel is constant or has gaps.
    """
    covariance, _ = ledoit_wolf(check_signals(timeseries, subject))
    return covariance


def connectivity_features(
    timeseries: pd.DataFrame,
    kinds: Sequence[str] = ("connectivity",),
    *,
    networks: Mapping[str, str] | None = None,
    centred: bool = False,
    subject: str = "",
) -> dict[str, np.ndarray]:
    """Connectivity of one run, in one or more kinds.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Cleaned signals.
    kinds : sequence of str
        Of `KINDS`. ``covariance``, ``precision`` and ``coskewness`` hold the upper triangle with
        the diagonal, ``connectivity`` and ``partial_correlation`` without it, row by row.
    networks : mapping of str to str, optional
        Parcel to network, for ``network``; parcels named as Schaefer's need none.
    centred : bool
        As for `correlations`.
    subject : str
        Whose data they are, for messages.

    Returns
    -------
    dict of str to ndarray of float32
        Kind to values, in the order of `unit_names`.

    Raises
    ------
    InputError
        If a parcel is constant or has gaps, two parcels are one signal, or a parcel has no network.
    """
    for kind in kinds:
        choose(kind, KINDS, "kind of connectivity")
    n = timeseries.shape[1]
    computed: dict[str, np.ndarray] = {}
    if {"connectivity", "network"} & set(kinds):
        computed["connectivity"] = fisher_connectivity(
            timeseries, centred=centred, subject=subject, dtype=np.float32
        )
    if "network" in kinds:
        _, member = _membership(timeseries.columns, networks, subject)
        computed["network"] = network_means(computed["connectivity"], member)
    if {"partial_correlation", "covariance", "precision"} & set(kinds):
        covariance = shrunk_covariance(timeseries, subject=subject)
        computed["covariance"] = covariance.take(_upper(n, 0))
        if {"partial_correlation", "precision"} & set(kinds):
            precision = np.linalg.inv(covariance)
            computed["precision"] = precision.take(_upper(n, 0))
            computed["partial_correlation"] = prec_to_partial(precision).take(_upper(n, 1))
    if "coskewness" in kinds:
        gram = coskewness_gram(timeseries, subject=subject)
        computed["coskewness"] = gram.take(_upper(n, 0))
    # Single precision is enough to store, and half the table.
    return {kind: computed[kind].astype(np.float32, copy=False) for kind in kinds}


def unit_names(
    kind: str, parcels: Sequence[str], networks: Mapping[str, str] | None = None
) -> list[str]:
    """What the values of a kind belong to: pairs of parcels, or of networks."""
    choose(kind, KINDS, "kind of connectivity")
    if kind != "network":
        return edge_names(parcels, diagonal=kind in WITH_DIAGONAL)
    levels, member = _membership(parcels, networks, "all subjects")
    return [f"{levels[a]}{EDGE}{levels[b]}" for a, b in zip(*_network_pairs(member), strict=True)]


def network_of(parcel: str) -> str | None:
    """Yeo network in the name of a Schaefer parcel, or None."""
    match = _SCHAEFER.match(parcel)
    return match.group(1) if match else None


def _membership(
    parcels: Sequence[str], networks: Mapping[str, str] | None, subject: str
) -> tuple[list[str], np.ndarray]:
    """Networks in alphabetical order, and who belongs to which (n_parcels, n_networks)."""
    known = {str(p): (networks or {}).get(str(p)) or network_of(str(p)) for p in parcels}
    lost = [parcel for parcel, network in known.items() if not network]
    if lost:
        raise InputError(
            f"{len(lost)} of {len(known)} parcels belong to no network: {listing(lost, 3)}",
            file=f"time series of {subject}",
            remedy="Name parcels as Schaefer's atlas does (7Networks_LH_Vis_1), or add a column "
            "`network` to the atlas's table of labels.",
        )
    levels = sorted(set(known.values()))
    return levels, np.equal.outer(np.array(list(known.values())), np.array(levels)).astype(float)


def _network_pairs(member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of networks that have an edge; a network of one parcel has none within."""
    sizes = member.sum(axis=0)
    return np.nonzero(np.triu(np.outer(sizes, sizes) - np.diag(sizes)))


def network_means(edges: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Mean Fisher z of the edges within and between networks.

    Parameters
    ----------
    edges : ndarray, shape (n_parcels * (n_parcels - 1) / 2,)
        In the order of `edge_names`.
    member : ndarray, shape (n_parcels, n_networks)
        One where a parcel belongs to a network.

    Returns
    -------
    ndarray
        In the order of `unit_names`.
    """
    matrix = np.zeros((len(member), len(member)))
    matrix.ravel()[_upper(len(member), 1)] = edges
    # Every edge stands in the matrix twice, as every pair does in the sizes.
    sums = member.T @ (matrix + matrix.T) @ member
    sizes = member.sum(axis=0)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    which = _network_pairs(member)
    return sums[which] / pairs[which]


def connect_run(
    load_timeseries: Callable[[], pd.DataFrame],
    load_confounds: Callable[[], pd.DataFrame],
    tr: float,
    subject: str,
    options: Mapping,
    kinds: Sequence[str] = ("connectivity",),
    networks: Mapping[str, str] | None = None,
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Read, clean and correlate one run.

    Parameters
    ----------
    load_timeseries, load_confounds : callable
        Give the run's tables; called here so that a worker process reads its own data.
    tr : float
        Repetition time in seconds.
    subject : str
        Whose run it is.
    options : mapping
        Keyword arguments of `denoise`.
    kinds, networks
        As for `connectivity_features`.

    Returns
    -------
    parcels : list of str
    features : dict of str to ndarray of float32
        As from `connectivity_features`.
    """
    signals = denoise(load_timeseries(), load_confounds(), tr, subject=subject, **options)
    parcels = [str(name) for name in signals.columns]
    features = connectivity_features(
        signals, kinds, networks=networks, centred=True, subject=subject
    )
    return parcels, features


def attempt_run(*arguments) -> tuple[list[str], dict[str, np.ndarray]] | None:
    """`connect_run`, or None if the data are unusable.

    For worker processes: an InputError does not survive the way back from one, so the caller
    repeats the run and meets the error at first hand.
    """
    try:
        return connect_run(*arguments)
    except InputError:
        return None
