"""Parcel time series as files hold them: which columns are parcels, and who lacks which."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.delimited import NAMELESS
from neurogenomics_kb.foundation.errors import InputError, listing

logger = logging.getLogger(__name__)

Loader = Callable[[], pd.DataFrame]
# What columns that number the frames are called.
NUMBERS_FRAMES = re.compile(
    r"(row)?(index|id|names?)|frames?|volumes?|vol|scans?|time ?points?|times?|t|tr|trs|sec|secs"
    r"|seconds?|ms|onset|n|nr|no|x|#",
    re.IGNORECASE,
)
# A run of fewer frames may rise steadily by chance.
FEWEST = 5


def steady(values: np.ndarray) -> np.ndarray:
    """Columns that rise or fall by equal steps, as counters and times do and no signal does.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_columns)
        Series of one run.

    Returns
    -------
    ndarray of bool, shape (n_columns,)
        Steps may differ by a quarter, since times are written with few digits.
    """
    n = len(values)
    if n < FEWEST:
        return np.zeros(values.shape[1], dtype=bool)
    with np.errstate(invalid="ignore"):
        step = (values[-1] - values[0]) / (n - 1)
        line = values[0] + np.arange(n)[:, None] * step
        return (step != 0) & (np.abs(values - line).max(axis=0) <= 0.25 * np.abs(step))


def parcel_columns(table: pd.DataFrame, subject: str) -> pd.DataFrame:
    """A series without the columns that are no parcels.

    Left out, with a warning: columns without name that are empty or number the frames, and columns
    that are called after frames or time and rise by equal steps.

    Parameters
    ----------
    table : DataFrame, n_frames rows
        Series of one run as read.
    subject : str
        Whose run it is, for messages.

    Raises
    ------
    InputError
        If another column has no name, or numbers the frames under the name of a parcel.
    """
    numeric = [c for c in table if pd.api.types.is_numeric_dtype(table[c])]
    counted = set(np.array(numeric, dtype=object)[steady(table[numeric].to_numpy(dtype=float))])
    left_out = []
    for number, column in enumerate(table.columns, start=1):
        nameless = NAMELESS.fullmatch(str(column).strip()) is not None
        if nameless and table[column].isna().all():
            left_out.append(column)
        elif column in counted and (nameless or NUMBERS_FRAMES.fullmatch(str(column).strip())):
            logger.warning(
                "time series of %s: column %d, %s, numbers the frames and is left out",
                subject, number, "without name" if nameless else f"'{column}'",
            )  # fmt: skip
            left_out.append(column)
        elif nameless or column in counted:
            raise InputError(
                f"column {number} of {table.shape[1]} "
                + ("has no name" if nameless else "rises by equal steps, which no signal does"),
                file=f"time series of {subject}",
                column=None if nameless else str(column),
                remedy="Take it out of the file if it is no parcel, or name it.",
            )
    return table.drop(columns=left_out) if left_out else table


def read_series(load: Loader, subject: str, without: Collection[str] = ()) -> pd.DataFrame:
    """A run's parcel series, read and looked through.

    Parameters
    ----------
    load : callable
        Gives the table.
    subject : str
        Whose run it is, for messages.
    without : collection of str
        Parcels that are left out.

    Raises
    ------
    InputError
        See `parcel_columns`.
    """
    table = parcel_columns(load(), subject)
    return table.drop(columns=[c for c in table if str(c) in without]) if without else table


def missing_parcels(
    series: Mapping[str, Loader], *, max_share: float = 0.2
) -> tuple[list[str], dict[str, int]]:
    """Parcels without signal in some runs: no value in any frame, or the same in all.

    XCP-D writes n/a for a parcel of which too little lies inside the image, other programs 0.

    Parameters
    ----------
    series : mapping of str to callable
        Subject to what gives the table; all are read once.
    max_share : float
        Largest share of parcels that may be missing somewhere.

    Returns
    -------
    parcels : list of str
        All of them, as the first subject has them.
    missing : dict of str to int
        Parcel to the number of subjects that lack it.

    Raises
    ------
    InputError
        If subjects have different parcels, or more than `max_share` of them are missing somewhere.
    """
    parcels: list[str] = []
    lacking: dict[str, list[str]] = {}
    for subject, load in series.items():
        table = read_series(load, subject)
        names = [str(c) for c in table]
        if parcels and names != parcels:
            raise InputError(
                f"the parcels are not those of {next(iter(series))} ({len(names)} against "
                f"{len(parcels)})",
                file=f"time series of {subject}",
                remedy="Extract all subjects with one atlas.",
            )
        parcels = names
        for parcel in _names_without_signal(table):
            lacking.setdefault(parcel, []).append(subject)
    if len(lacking) > max_share * len(parcels):
        counts = pd.Series([s for subjects in lacking.values() for s in subjects]).value_counts()
        worst = listing(f"{subject} ({n})" for subject, n in counts.head(3).items())
        raise InputError(
            f"{len(lacking)} of {len(parcels)} parcels are missing in somebody, most in {worst}",
            file="fmri.timeseries",
            subjects=len(counts),
            of=len(series),
            remedy="List those who lack most in fmri.quality.exclude, or raise "
            "fmri.connectivity.max_missing_parcels.",
        )
    return parcels, {parcel: len(lacking[parcel]) for parcel in parcels if parcel in lacking}


def _names_without_signal(table: pd.DataFrame) -> list[str]:
    """Columns without a value in any frame, or with the same in all."""
    numeric = table[[c for c in table if pd.api.types.is_numeric_dtype(table[c])]]
    empty = numeric.isna().all() | (numeric.notna().all() & (numeric.max() == numeric.min()))
    return [str(name) for name in numeric.columns[empty]]


def looked_through(series: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Loader]:
    """Loaders of series that give parcels only."""
    return {key: partial(read_series, load, key, without) for key, load in series.items()}
