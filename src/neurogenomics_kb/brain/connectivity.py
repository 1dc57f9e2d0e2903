"""Functional connectivity of parcel time series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from nilearn.signal import clean

from neurogenomics_kb.errors import InputError, listing

NUISANCE = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "csf", "white_matter")
EDGE = "~"
_LIST_OR_REPAIR = "Run preprocessing again for this subject, or list it in fmri.quality.exclude."


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


def denoise(
    timeseries: pd.DataFrame,
    confounds: pd.DataFrame,
    tr: float | None,
    *,
    nuisance: Sequence[str] = NUISANCE,
    high_pass: float | None = 0.01,
    low_pass: float | None = 0.1,
    detrend: bool = True,
    subject: str = "",
) -> pd.DataFrame:
    """Detrend, band-pass, regress nuisance signals out and z-score parcel time series.

    Filter and regression are done together (nuisance signals are filtered likewise), as
    `nilearn.signal.clean` does following Lindquist et al. (Human Brain Mapping 2019), so that the
    regression does not bring filtered frequencies back.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Mean signal of each parcel.
    confounds : DataFrame, n_frames rows
        Nuisance table of the run. A first row that is n/a (derivatives) takes the second's value.
    tr : float
        Repetition time in seconds.
    nuisance : sequence of str
        Columns of `confounds` to regress out.
    high_pass, low_pass : float or None
        Band kept, in Hz; None leaves that side open.
    detrend : bool
        Remove the linear trend.
    subject : str
        Whose data they are, for messages.

    Returns
    -------
    DataFrame, shape (n_frames, n_parcels)
        Cleaned signals, mean 0 and standard deviation 1 per parcel.

    Raises
    ------
    InputError
        If the tables disagree in length, the repetition time is missing or too long for the band,
        a value is missing, a parcel is constant, or too few frames are left to correlate.
    """
    signals = _check_signals(timeseries, subject)
    regressors = _check_nuisance(confounds, nuisance, len(signals), subject)
    if tr is None or not tr > 0:
        raise InputError(
            "the repetition time is missing",
            file=f"time series of {subject}",
            remedy="Give RepetitionTime (s) in the sidecar.",
        )
    _check_frames(len(signals), len(nuisance), tr, high_pass, low_pass, subject)
    cleaned = clean(
        signals,
        detrend=detrend,
        standardize="zscore_sample",
        confounds=regressors if len(nuisance) else None,
        filter="butterworth" if high_pass or low_pass else False,
        high_pass=high_pass,
        low_pass=low_pass,
        t_r=tr,
    )
    return pd.DataFrame(cleaned, columns=timeseries.columns, index=timeseries.index)


def edge_names(parcels: Sequence[str]) -> list[str]:
    """Names ``<parcelA>~<parcelB>`` of the upper triangle, row by row."""
    rows, columns = np.triu_indices(len(parcels), k=1)
    return [f"{parcels[a]}{EDGE}{parcels[b]}" for a, b in zip(rows, columns, strict=True)]


def fisher_connectivity(timeseries: pd.DataFrame, *, subject: str = "") -> np.ndarray:
    """Fisher-z-transformed Pearson correlations of all pairs of parcels.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Cleaned signals.
    subject : str
        Whose data they are, for messages.

    Returns
    -------
    ndarray, shape (n_parcels * (n_parcels - 1) / 2,)
        arctanh of the upper triangle, in the order of `edge_names`.

    Raises
    ------
    InputError
        If a parcel is constant, or two parcels are one signal (their z would be infinite).
    """
    signals = _check_signals(timeseries, subject)
    correlation = np.corrcoef(signals, rowvar=False)
    rows, columns = np.triu_indices(signals.shape[1], k=1)
    edges = correlation[rows, columns]
    same = np.flatnonzero(~(np.abs(edges) < 1 - 1e-12))
    if same.size:
        pair = f"{timeseries.columns[rows[same[0]]]} and {timeseries.columns[columns[same[0]]]}"
        raise InputError(
            f"parcels {pair} hold the same signal",
            file=f"time series of {subject}",
            remedy="Remove one of them from every subject's file.",
        )
    return np.arctanh(edges)


def connect_run(
    load_timeseries: Callable[[], pd.DataFrame],
    load_confounds: Callable[[], pd.DataFrame],
    tr: float,
    subject: str,
    options: Mapping,
) -> tuple[list[str], np.ndarray]:
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

    Returns
    -------
    parcels : list of str
    edges : ndarray
        As from `fisher_connectivity`.
    """
    signals = denoise(load_timeseries(), load_confounds(), tr, subject=subject, **options)
    return [str(name) for name in signals.columns], fisher_connectivity(signals, subject=subject)


def attempt_run(*arguments) -> tuple[list[str], np.ndarray] | None:
    """`connect_run`, or None if the data are unusable.

    For worker processes: an InputError does not survive the way back from one, so the caller
    repeats the run and meets the error at first hand.
    """
    try:
        return connect_run(*arguments)
    except InputError:
        return None


def _check_signals(timeseries: pd.DataFrame, subject: str) -> np.ndarray:
    file = f"time series of {subject}"
    for column in timeseries:
        if not pd.api.types.is_numeric_dtype(timeseries[column]):
            raise InputError(
                "the parcel's signal is not numeric",
                file=file,
                column=str(column),
                remedy="Write numbers only.",
            )
    if timeseries.shape[1] < 2:
        raise InputError(
            f"there are {timeseries.shape[1]} parcels",
            file=file,
            remedy="Connectivity needs two or more columns; check the separator of the file.",
        )
    signals = timeseries.to_numpy(dtype=float)
    gaps = ~np.isfinite(signals)
    if gaps.any():
        frames, parcels = int(gaps.any(axis=1).sum()), timeseries.columns[gaps.any(axis=0)]
        raise InputError(
            f"{frames} frames have no finite value in {listing(parcels)}",
            file=file,
            remedy=_LIST_OR_REPAIR,
        )
    flat = np.ptp(signals, axis=0) == 0 if len(signals) else np.ones(signals.shape[1], bool)
    if flat.any():
        raise InputError(
            f"parcel {listing(timeseries.columns[flat])} is constant",
            file=file,
            remedy="The parcel probably lies outside the field of view: remove it from every "
            "subject's file, or list the subject in fmri.quality.exclude.",
        )
    return signals


def _check_nuisance(
    confounds: pd.DataFrame, nuisance: Sequence[str], n_frames: int, subject: str
) -> np.ndarray:
    file = f"confounds of {subject}"
    if len(confounds) != n_frames:
        raise InputError(
            f"{len(confounds)} rows, but the time series has {n_frames} frames",
            file=file,
            remedy="Use time series and confounds of the same run.",
        )
    absent = [column for column in nuisance if column not in confounds]
    if absent:
        raise InputError(
            f"nuisance column {listing(absent)} is missing",
            file=file,
            column=absent[0],
            remedy="Correct fmri.connectivity.nuisance.",
        )
    table = (
        confounds[list(nuisance)].apply(pd.to_numeric, errors="coerce").to_numpy(float, copy=True)
    )
    if len(table) > 1:
        table[0] = np.where(np.isnan(table[0]), table[1], table[0])
    gaps = ~np.isfinite(table)
    if gaps.any():
        column = list(nuisance)[int(np.flatnonzero(gaps.any(axis=0))[0])]
        raise InputError(
            f"{int(gaps.any(axis=1).sum())} frames have no number",
            file=file,
            column=column,
            remedy=_LIST_OR_REPAIR,
        )
    return table


def _check_frames(
    n_frames: int,
    n_nuisance: int,
    tr: float,
    high_pass: float | None,
    low_pass: float | None,
    subject: str,
) -> None:
    file = f"time series of {subject}"
    nyquist = 1 / (2 * tr)
    top = nyquist if low_pass is None else low_pass
    if top > nyquist or (low_pass is not None and top == nyquist):
        raise InputError(
            f"a low-pass of {low_pass:g} Hz is not below the Nyquist frequency {nyquist:.3g} Hz "
            f"of TR {tr:g} s",
            file=file,
            remedy="Lower fmri.connectivity.low_pass.",
        )
    # A filter keeps that share of the frames' degrees of freedom; the variance of Fisher's z is
    # one over what is left minus three.
    kept = n_frames * (top - (high_pass or 0)) / nyquist
    left = kept - n_nuisance - 1
    if left <= 3:
        raise InputError(
            f"{n_frames} frames leave {max(left, 0):.0f} degrees of freedom after band-pass and "
            f"{n_nuisance} nuisance signals",
            file=file,
            remedy="Raise fmri.quality.min_frames, widen the band, or regress fewer signals out.",
        )
