"""Scaling and resampling of parcel series before an encoder sees them.

Published code scales in ways that contradict one another, so the way is a named setting. What needs
statistics over people takes them from a file: nothing here is estimated across the subjects of a
run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import LARGEST_TEXT, refuse_large, refuse_large_inside

Statistics = tuple[np.ndarray | float, np.ndarray | float]


def _run_robust(values: np.ndarray, _) -> Statistics:
    low, middle, high = np.percentile(values, [25, 50, 75], axis=0)
    return middle, high - low


@dataclass(frozen=True)
class Scaling:
    """One way to scale a series.

    Parameters
    ----------
    statistics : callable
        Series (frames, parcels) and the reference's statistics to centre and spread.
    fields : tuple of str
        What is read from a file of reference statistics.
    centred : bool
        The run's own means are taken off first.
    """

    statistics: Callable[[np.ndarray, Mapping[str, np.ndarray]], Statistics]
    fields: tuple[str, ...] = ()
    centred: bool = False


ROBUST = ("median", "iqr")
SCALINGS: dict[str, Scaling] = {
    "none": Scaling(lambda values, _: (0.0, 1.0)),
    "centre": Scaling(lambda values, _: (0.0, 1.0), centred=True),
    "zscore": Scaling(lambda values, _: (values.mean(axis=0), values.std(axis=0))),
    "global_zscore": Scaling(lambda values, _: (values.mean(), values.std(ddof=1))),
    "run_robust": Scaling(_run_robust),
    "reference_robust": Scaling(lambda _, table: (table["median"], table["iqr"]), ROBUST),
    "centred_reference_robust": Scaling(
        lambda _, table: (table["median"], table["iqr"]), ROBUST, centred=True
    ),
    "centred_reference_shift": Scaling(
        lambda _, table: (table["median"] / table["iqr"], 1.0), ROBUST, centred=True
    ),
    "reference_minmax": Scaling(
        lambda _, table: (table["minimum"], table["maximum"] - table["minimum"]),
        ("minimum", "maximum"),
    ),
}
# Names in the arrays that the authors' programs save.
PUBLISHED = {"median": "medians", "iqr": "iqrs", "minimum": "minima", "maximum": "maxima"}
RESAMPLINGS = ("linear", "nearest", "none")
SAME_TR = 0.01  # relative difference of repetition times that is not resampled


def read_reference(file: Path, fields: tuple[str, ...], n_parcels: int) -> dict[str, np.ndarray]:
    """Reference statistics of parcels, of the training cohort or another one.

    Parameters
    ----------
    file : Path
        ``.npz`` with ``medians`` and ``iqrs`` as Brain-JEPA and Brain Harmony save them (``minima``
        and ``maxima`` likewise), or a table (``.csv``, ``.tsv``) with columns ``median`` and
        ``iqr`` (``minimum``, ``maximum``), one row per parcel.
    fields : tuple of str
        Statistics that the scaling needs.
    n_parcels : int
        Number of parcels.

    Raises
    ------
    InputError
        If a statistic is missing, has another number of parcels, or a spread is not positive.
    """
    refuse_large(file, LARGEST_TEXT, "reference statistics")
    try:
        if file.suffix == ".npz":
            refuse_large_inside(file, LARGEST_TEXT, "reference statistics")
            with np.load(file, allow_pickle=False) as stored:
                table = {name: stored[PUBLISHED.get(name, name)] for name in fields}
        else:
            frame = pd.read_csv(file, sep="\t" if file.suffix == ".tsv" else ",")
            table = {name: frame[name].to_numpy() for name in fields}
        table = {name: np.asarray(values, dtype=float).ravel() for name, values in table.items()}
    except (KeyError, ValueError, OSError, MemoryError, BadZipFile) as error:
        raise InputError(
            f"the reference statistics cannot be read ({error})",
            file=file,
            remedy=f"It must hold {listing(fields)} for each parcel.",
        ) from None
    for name, values in table.items():
        if len(values) != n_parcels or not np.isfinite(values).all():
            raise InputError(
                f"{int(np.isfinite(values).sum())} numbers for {n_parcels} parcels",
                file=file,
                column=name,
                remedy="Use statistics of the model's own atlas.",
            )
    spread = table["iqr"] if "iqr" in table else table["maximum"] - table["minimum"]
    if (spread <= 0).any():
        raise InputError(
            f"parcel {int(np.flatnonzero(spread <= 0)[0]) + 1} has no spread",
            file=file,
            remedy="Compute the statistics on a cohort in which every parcel varies.",
        )
    return table


def make_scaling(
    name: str, reference: Path | None, n_parcels: int, model: str
) -> Callable[[np.ndarray, str], np.ndarray]:
    """Function that scales a run.

    Parameters
    ----------
    name : str
        ``none``; ``centre`` (minus the parcel's mean); ``zscore`` (per parcel);
        ``global_zscore`` (one mean and deviation of the whole run, Brain-JEPA downstream);
        ``run_robust`` (median and interquartile range of the run, per parcel);
        ``reference_robust`` (those of the reference, Brain-JEPA's pretraining);
        ``centred_reference_robust`` (after removing the run's mean, as BrainLM describes);
        ``centred_reference_shift`` (x − median/IQR after removing the mean, as BrainLM's code
        computes by operator precedence); ``reference_minmax`` (to 0–1).
    reference : Path, optional
        File for `read_reference`.
    n_parcels : int
        Number of parcels.
    model : str
        For messages.

    Returns
    -------
    callable
        Series (frames, parcels) and subject to scaled series.

    Raises
    ------
    InputError
        For an unknown scaling, or a missing reference.
    """
    if name not in SCALINGS:
        raise InputError(
            f"unknown scaling '{name}'",
            column="scaling",
            remedy=f"Choose one of {listing(SCALINGS, len(SCALINGS))}.",
        )
    scaling = SCALINGS[name]
    fields = scaling.fields
    if fields and reference is None:
        raise InputError(
            f"scaling '{name}' of {model} needs statistics of a reference cohort",
            column="reference",
            remedy=f"Name a file with {listing(fields)} per parcel, from the model's training or "
            "another cohort, or choose a scaling by the run's own statistics.",
        )
    table = read_reference(reference, fields, n_parcels) if fields else {}

    def scale(values: np.ndarray, subject: str = "") -> np.ndarray:
        if scaling.centred:
            values = values - values.mean(axis=0)
        centre, spread = scaling.statistics(values, table)
        flat = np.atleast_1d(np.asarray(spread) <= 0)
        if flat.any():
            raise InputError(
                f"{int(flat.sum())} parcels are constant, first {int(np.flatnonzero(flat)[0]) + 1}",
                file=f"time series of {subject}",
                remedy="A parcel outside the field of view cannot be scaled: list the subject in "
                "fmri.quality.exclude.",
            )
        return (values - centre) / spread

    return scale


def resample(values: np.ndarray, tr: float, target: float, method: str) -> np.ndarray:
    """Bring a series to another repetition time.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_parcels)
        Series of one run.
    tr, target : float
        Repetition times in seconds.
    method : {"linear", "nearest", "none"}
        Between neighbouring frames, or the last frame (as Brain-JEPA takes every third).

    Returns
    -------
    ndarray, shape (n_frames * tr // target, n_parcels)
        The same array if the times agree within a hundredth.

    Notes
    -----
    A shorter repetition time adds no frequencies, and a longer one folds fast ones back unless the
    series was low-pass filtered, so what was done is recorded with the embeddings.
    """
    if method == "none" or abs(tr - target) <= SAME_TR * target:
        return values
    # The tolerance keeps 163 frames of 0.735 s whole where a product falls short of them by 1e-15.
    n_frames = int(len(values) * tr / target + 1e-6)
    at = np.arange(n_frames) * target / tr
    if method == "nearest":
        return values[np.minimum((at + 1e-6).astype(int), len(values) - 1)]
    at = np.minimum(at, len(values) - 1)
    low = np.minimum(at.astype(int), max(len(values) - 2, 0))
    share = (at - low)[:, None]
    return values[low] * (1 - share) + values[np.minimum(low + 1, len(values) - 1)] * share


def check_resampling(method: str) -> str:
    """The method, if it is one.

    Raises
    ------
    InputError
    """
    if method not in RESAMPLINGS:
        raise InputError(
            f"unknown resampling '{method}'",
            column="resampling",
            remedy=f"Choose one of {', '.join(RESAMPLINGS)}.",
        )
    return method
