"""Cleaning of parcel time series: nuisance regression, filter, censoring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from nilearn.signal import clean
from scipy.interpolate import CubicSpline

from neurogenomics_kb.brain.confounds import Censoring, ConfoundStrategy, select_regressors
from neurogenomics_kb.brain.series import steady
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.tables import require_finite_numbers

NUISANCE = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "csf", "white_matter")
LIST_OR_REPAIR = "Run preprocessing again for this subject, or list it in fmri.quality.exclude."

# Frames that scipy's filtfilt puts at each end for nilearn's Butterworth filter of order 5.
_PADDING = 33


def denoise(
    timeseries: pd.DataFrame,
    confounds: pd.DataFrame,
    tr: float | None,
    *,
    nuisance: Sequence[str] | ConfoundStrategy = NUISANCE,
    censoring: Censoring | None = None,
    high_pass: float | None = 0.01,
    low_pass: float | None = 0.1,
    detrend: bool = True,
    subject: str = "",
) -> pd.DataFrame:
    """Detrend, band-pass, censor, regress nuisance signals out and z-score parcel time series.

    Its parameters are the settings of one card, which may not be applied one after another.

    Filter and regression are done together (nuisance signals are filtered likewise), as
    `nilearn.signal.clean` does following Lindquist et al. (Human Brain Mapping 2019), so that the
    regression does not bring filtered frequencies back. Censored frames are filled by cubic
    splines before the filter, so that a spike does not ring into its neighbours, and left out of
    the regression and of the result.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Mean signal of each parcel.
    confounds : DataFrame, n_frames rows
        Nuisance table of the run. A first row that is n/a (derivatives) takes the second's value.
    tr : float
        Repetition time in seconds.
    nuisance : sequence of str, or ConfoundStrategy
        Columns of `confounds` to regress out, or a strategy that chooses them.
    censoring : Censoring, optional
        Frames that do not count.
    high_pass, low_pass : float or None
        Band kept, in Hz; None leaves that side open.
    detrend : bool
        Remove the linear trend.
    subject : str
        Whose data they are, for messages.

    Returns
    -------
    DataFrame, shape (n_kept_frames, n_parcels)
        Cleaned signals, mean 0 and standard deviation 1 per parcel, indexed by frame.

    Raises
    ------
    InputError
        If the tables disagree in length, the repetition time is missing or too long for the band,
        a value is missing, a parcel is constant, all frames are censored, or too few frames are
        left to correlate.
    """
    refuse_other_length(confounds, len(timeseries), subject)
    kept = np.ones(len(timeseries), dtype=bool)
    if censoring is not None:
        kept = censoring.kept(confounds, subject=subject)
        if not kept.any():
            raise InputError(
                f"all {len(kept)} frames are censored",
                file=f"confounds of {subject}",
                remedy="Raise the censoring threshold, or list the subject in "
                "fmri.quality.exclude.",
            )
    signals = check_signals(timeseries, subject, kept)
    if isinstance(nuisance, ConfoundStrategy):
        chosen = select_regressors(confounds, nuisance, subject=subject)
        regressors = _check_nuisance(chosen, list(chosen.columns), subject, kept)
    else:
        regressors = _check_nuisance(confounds, nuisance, subject, kept)
    if tr is None or not tr > 0:
        raise InputError(
            "the repetition time is missing",
            file=f"time series of {subject}",
            remedy="Give RepetitionTime (s) in the sidecar.",
        )
    _check_frames(int(kept.sum()), regressors.shape[1], tr, high_pass, low_pass, subject)
    # The ends are cut here and gaps are filled here: `clean` of nilearn 0.14 leaves a censored
    # frame as it is where its mirror image in time is censored, too, and shifts the series where
    # both ends are.
    first, last = np.flatnonzero(kept)[[0, -1]]
    inside = kept[first : last + 1]
    filters = bool(high_pass or low_pass)
    if filters and len(inside) <= _PADDING:
        raise InputError(
            f"{len(inside)} frames from first to last that counts are too few to filter",
            file=f"time series of {subject}",
            remedy="Raise fmri.quality.min_frames, or list the subject in fmri.quality.exclude.",
        )
    cleaned = clean(
        _fill(signals[first : last + 1], inside),
        detrend=detrend,
        standardize="zscore_sample",
        confounds=_fill(regressors[first : last + 1], inside) if regressors.shape[1] else None,
        filter="butterworth" if filters else False,
        high_pass=high_pass,
        low_pass=low_pass,
        t_r=tr,
        sample_mask=None if inside.all() else np.flatnonzero(inside),
        # All columns at once: one by one, which saves a copy, takes five times as long.
        butterworth__copy=True,
    )
    return pd.DataFrame(cleaned, columns=timeseries.columns, index=timeseries.index[kept])


def _fill(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Cubic splines through the kept frames, at the others."""
    if kept.all():
        return values
    frames = np.flatnonzero(kept)
    if len(frames) < 2:
        return values
    filled = values.copy()
    gaps = np.flatnonzero(~kept)
    filled[gaps] = CubicSpline(frames, values[frames])(gaps)
    return filled


def check_signals(
    timeseries: pd.DataFrame, subject: str, kept: np.ndarray | None = None
) -> np.ndarray:
    """Parcel signals as an array.

    Parameters
    ----------
    timeseries : DataFrame, shape (n_frames, n_parcels)
        Series of one run.
    subject : str
        Whose data they are, for messages.
    kept : ndarray of bool, optional
        Frames that count; gaps elsewhere do no harm.

    Returns
    -------
    ndarray, shape (n_frames, n_parcels)

    Raises
    ------
    InputError
        If there are fewer than two parcels, a gap, text, a column that numbers the frames, or a
        constant parcel.
    """
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
    counters = steady(signals)
    if counters.any():
        raise InputError(
            "the parcel's signal rises by equal steps, as numbers of frames and times do",
            file=file,
            column=str(timeseries.columns[counters][0]),
            remedy="Take the column out of the file.",
        )
    counted = signals if kept is None else signals[kept]
    gaps = ~np.isfinite(counted)
    if gaps.any():
        frames, parcels = int(gaps.any(axis=1).sum()), timeseries.columns[gaps.any(axis=0)]
        raise InputError(
            f"{frames} frames have no finite value in {listing(parcels)}",
            file=file,
            remedy=LIST_OR_REPAIR,
        )
    flat = np.ptp(counted, axis=0) == 0 if len(counted) else np.ones(signals.shape[1], bool)
    if flat.any():
        raise InputError(
            f"parcel {listing(timeseries.columns[flat])} is constant",
            file=file,
            remedy="The parcel probably lies outside the field of view: remove it from every "
            "subject's file, or list the subject in fmri.quality.exclude.",
        )
    return signals


def refuse_other_length(confounds: pd.DataFrame, n_frames: int, subject: str) -> None:
    """Refuse a confounds table of another run.

    Raises
    ------
    InputError
    """
    if len(confounds) != n_frames:
        raise InputError(
            f"{len(confounds)} rows, but the time series has {n_frames} frames",
            file=f"confounds of {subject}",
            remedy="Use time series and confounds of the same run.",
        )


def _check_nuisance(
    confounds: pd.DataFrame, nuisance: Sequence[str], subject: str, kept: np.ndarray
) -> np.ndarray:
    file = f"confounds of {subject}"
    absent = [column for column in nuisance if column not in confounds]
    if absent:
        raise InputError(
            f"nuisance column {listing(absent)} is missing",
            file=file,
            column=absent[0],
            remedy="Correct fmri.connectivity.nuisance.",
        )
    numbers = [require_finite_numbers(confounds[c], file, c) for c in nuisance]
    table = np.stack(numbers, axis=1) if numbers else np.empty((len(confounds), 0))
    if len(table) > 1:
        table[0] = np.where(np.isnan(table[0]), table[1], table[0])
    gaps = ~np.isfinite(table) & kept[:, None]
    if gaps.any():
        column = list(nuisance)[int(np.flatnonzero(gaps.any(axis=0))[0])]
        raise InputError(
            f"{int(gaps.any(axis=1).sum())} frames have no number",
            file=file,
            column=column,
            remedy=LIST_OR_REPAIR,
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
