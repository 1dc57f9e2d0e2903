"""Limits on the Euler number of the cortical surfaces, fixed or relative to a site.

A fixed limit is strict on some scanners and lenient on others, since the number depends on scanner
and sequence: the same −217 that spares one site can remove another whole. Studies of many sites
judge it within a site, by the distance from the site's median: more than 25 beyond it in Verdi et
al. (Neurology 2023, 100:e2442, doi 10.1212/WNL.0000000000207298), after Kia et al. (MICCAI 2020,
LNCS 12267:699; PLoS ONE 2022, 17:e0278776). Median absolute deviations (Leys et al., Journal of
Experimental Social Psychology 2013, 49:764) suit sites whose numbers spread differently. Images
alone decide here, never diagnoses; who else was scanned at the site does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from neurogenomics_kb.brain.choices import choose

# Standard deviations of a normal distribution in one median absolute deviation.
MAD = 1.4826
# Of fewer numbers a deviation is not known.
SMALL_SITE = 20


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FixedLimit(_Options):
    """One number for everybody.

    Attributes
    ----------
    min : float, optional
        Smallest mean Euler number that passes; ``min_euler_number`` of the parameters by default.
    """

    method: Literal["fixed"] = "fixed"
    min: float | None = None


class SiteMedianLimit(_Options):
    """A distance from the median of the own site.

    Attributes
    ----------
    below : float
        Largest distance below the median.
    """

    method: Literal["site_median"] = "site_median"
    below: float = Field(25.0, gt=0)


class SiteMadLimit(_Options):
    """Median absolute deviations from the median of the own site.

    A site of fewer than `SMALL_SITE` takes the deviation of all sites about their medians.

    Attributes
    ----------
    n_mads : float
        Largest distance below the median, in median absolute deviations that are scaled to standard
        deviations (× 1.4826).
    """

    method: Literal["site_mads"] = "site_mads"
    n_mads: float = Field(3.0, gt=0)


class NoLimit(_Options):
    """Nobody fails for the Euler number."""

    method: Literal["none"] = "none"


EulerLimit = Annotated[
    FixedLimit | SiteMedianLimit | SiteMadLimit | NoLimit, Field(discriminator="method")
]


def floors_below_median(numbers: pd.Series, site: pd.Series, below: float) -> pd.Series:
    """Smallest number that passes, for everybody: the site's median less a distance."""
    return numbers.groupby(site, dropna=False).transform("median") - below


def floors_in_mads(numbers: pd.Series, site: pd.Series, n_mads: float) -> pd.Series:
    """Smallest number that passes, for everybody: the site's median less some deviations."""
    groups = numbers.groupby(site, dropna=False)
    median = groups.transform("median")
    distance = (numbers - median).abs()
    own = distance.groupby(site, dropna=False).transform("median")
    spread = own.where(groups.transform("count") >= SMALL_SITE, distance.median())
    return median - n_mads * MAD * spread


# Columns of a quality table that ask for a limit by site, with what makes the floor of it.
SITE_LIMITS: dict[str, Callable[[pd.Series, pd.Series, float], pd.Series]] = {
    "euler_limit_below_median": floors_below_median,
    "euler_limit_mads": floors_in_mads,
}
REASONS = {
    "euler_limit_below_median": "mean Euler number more than {:g} below the median of the site",
    "euler_limit_mads": "mean Euler number more than {:g} MAD below the median of the site",
}


def site_limit_column(limit: BaseModel) -> tuple[str, float] | None:
    """Column and value by which a quality table hands a limit by site on; None for other limits.

    Sites are known where people and images meet, which is after images were judged.

    Raises
    ------
    InputError
        If the method is unknown.
    """
    columns = {
        "fixed": None,
        "none": None,
        "site_median": ("euler_limit_below_median", getattr(limit, "below", None)),
        "site_mads": ("euler_limit_mads", getattr(limit, "n_mads", None)),
    }
    return choose(limit.method, columns, "euler_limit")


def limit_by_site(
    quality: pd.DataFrame, site: pd.Series
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """A quality table in which who is below the limit of the own site has that reason.

    Parameters
    ----------
    quality : DataFrame
        ``euler_number``, ``included``, ``reason``, and a column of `SITE_LIMITS` with its value.
    site : Series
        Site of everybody, by the index of `quality`; those without one are a group of their own.

    Returns
    -------
    quality : DataFrame
    floors : dict of str to Series
        Reason to the smallest number that passes at each site.
    """
    floors = {}
    reason = quality["reason"].copy()
    for column, floor_of in SITE_LIMITS.items():
        if column not in quality or quality[column].isna().all():
            continue
        value = float(quality[column].dropna().iloc[0])
        place = site.reindex(quality.index)
        floor = floor_of(quality["euler_number"], place, value)
        below = quality["euler_number"] < floor
        text = REASONS[column].format(value)
        reason = reason.mask(below, reason.where(reason == "", reason + "; ") + text)
        floors[text] = floor.groupby(place, dropna=False).first()
    return quality.assign(included=reason == "", reason=reason), floors
