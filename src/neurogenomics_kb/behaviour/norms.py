"""Standard scores from a card's norms by age and sex."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.behaviour.instruments import Instrument
from neurogenomics_kb.foundation.errors import InputError, listing

Metric = Literal["z", "t", "standard"]
# Mean and standard deviation in the norm sample: z, T (50, 10), standard scores (100, 15).
METRICS: dict[str, tuple[float, float]] = {"z": (0, 1), "t": (50, 10), "standard": (100, 15)}
MONTHS = 12
SEXES = ("female", "male")


def standardize(
    raw: pd.DataFrame,
    instrument: Instrument,
    *,
    age: pd.Series,
    sex: pd.Series | None = None,
    age_unit: Literal["years", "months"] = "years",
    metric: Metric = "t",
) -> pd.DataFrame:
    """Raw scores relative to people of the same age and sex.

    Parameters
    ----------
    raw : DataFrame (n_subjects, n_scales)
        From `score_scales`.
    instrument : Instrument
        With norms; scales without any are left out.
    age : Series
        Of the same rows, in `age_unit`.
    sex : Series, optional
        ``female``, ``male`` or missing; needed where a band is of one sex.
    age_unit : {"years", "months"}
        Unit of the ages. Default years.
    metric : {"z", "t", "standard"}
        Scale of the result: mean 0 and SD 1, 50 and 10, or 100 and 15. Default t.

    Returns
    -------
    DataFrame (n_subjects, n_scales_with_norms)
        Missing where the raw score, the age or a needed sex is, or no band covers the person.

    Raises
    ------
    InputError
        If the instrument has no norms, ages are no numbers, or a sex is unknown.
    """
    if not instrument.norms:
        raise InputError(
            f"scores on the {metric} metric need norms, and the card has none",
            file=instrument.where,
            column="norms",
            remedy="Supply mean and sd by age and sex on the card, or ask for raw scores.",
        )
    years = _ages(age, instrument, age_unit)
    sexes = _sexes(sex, instrument)
    centre, spread = METRICS[metric]
    out = {}
    for name, bands in instrument.norms.items():
        z = np.full(len(raw), np.nan)
        values = raw[name].to_numpy(dtype=float)
        for band in bands:
            rows = (years >= band.start) & (years < band.end)
            if band.sex != "any":
                rows &= sexes == band.sex
            z[rows] = (values[rows] - band.mean) / band.sd
        out[name] = centre + spread * z
    return pd.DataFrame(out, index=raw.index)


def count_outside_norms(raw: pd.DataFrame, standard: pd.DataFrame) -> pd.Series:
    """Number of scales with a raw score for which no norm fits the person."""
    return (raw[standard.columns].notna() & standard.isna()).sum(axis=1)


def _ages(age: pd.Series, instrument: Instrument, unit: str) -> np.ndarray:
    """Ages in the unit of the card."""
    values = age.to_numpy(dtype=float)
    if unit == instrument.age_unit:
        return values
    return values / MONTHS if unit == "months" else values * MONTHS


def _sexes(sex: pd.Series | None, instrument: Instrument) -> np.ndarray:
    by_sex = any(b.sex != "any" for bands in instrument.norms.values() for b in bands)
    if sex is None:
        if by_sex:
            raise InputError(
                "its norms are by sex, and no column of sex is named",
                file=instrument.where,
                column="norms",
                remedy="Name the column under behaviour.instruments.sex.",
            )
        return np.array([])
    unknown = sex.notna() & ~sex.isin(SEXES)
    if unknown.any():
        raise InputError(
            f"sex is {listing(sorted(map(str, sex[unknown].unique())), 3)}, expected "
            f"{' or '.join(SEXES)}",
            file=instrument.where,
            subjects=int(unknown.sum()),
            of=len(sex),
            remedy="Map the values under behaviour.instruments.sex.levels.",
        )
    return sex.to_numpy(dtype=object)
