"""What the quality tables of all modalities have in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from neurogenomics_kb.brain.image_quality import outside_limits
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.wide import rows_of

logger = logging.getLogger(__name__)


class Parameters(BaseModel):
    """Base of parameter groups: a misspelt name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Parameters):
    """Smallest and largest value of a quality metric that passes; None leaves a side open.

    Attributes
    ----------
    min, max : float or None
        Inclusive.
    """

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Limits:
        if self.min is None and self.max is None:
            raise ValueError("name min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class QualityParameters(Parameters):
    """Quality control of a modality.

    Attributes
    ----------
    exclude : list of str
        Subjects to leave out whatever their metrics, for instance after visual inspection.
    """

    exclude: list[str] = Field(default_factory=list)


def quality_table(
    modality: str,
    metrics: pd.DataFrame,
    failures: Mapping[str, pd.Series],
    exclude: list[str],
) -> pd.DataFrame:
    """Add to the metrics who is included, and for what reasons the others are not.

    Parameters
    ----------
    modality : str
        For the log and for messages.
    metrics : DataFrame
        One row per subject seen in the raw data, index ``subject_id``.
    failures : mapping of str to Series of bool
        Reason to who fails, indexed like `metrics`.
    exclude : list of str
        Subjects left out by hand.

    Returns
    -------
    DataFrame
        `metrics` with ``included`` (bool) and ``reason`` (text, "" when included).

    Raises
    ------
    InputError
        If a subject to leave out is not in the data.
    """
    unknown = sorted(set(exclude) - set(metrics.index))
    if unknown:
        raise InputError(
            f"{listing(unknown)} is to be left out but not in the data",
            column=f"{modality}.quality.exclude",
            subjects=len(unknown),
            of=len(exclude),
            remedy="Correct the parameter.",
        )
    by_hand = pd.Series(metrics.index.isin(exclude), metrics.index)
    reason = pd.Series("", index=metrics.index, dtype=str)
    counts = {}
    for text, fails in {**failures, "excluded by hand": by_hand}.items():
        counts[text] = int(fails.sum())
        added = text if not counts[text] else reason.where(reason == "", reason + "; ") + text
        reason = reason.where(~fails, added)
    table = metrics.assign(included=reason == "", reason=reason)
    why = ", ".join(f"{text}: {count}" for text, count in counts.items() if count)
    logger.info(
        "%s: %d of %d subjects pass quality control%s",
        modality,
        table["included"].sum(),
        len(table),
        f" ({why})" if why else "",
    )
    return table


def add_image_quality(
    metrics: pd.DataFrame,
    failures: dict[str, pd.Series],
    found: pd.DataFrame,
    limits: Mapping[str, Limits],
    *,
    prefix: str,
    missing: str,
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Join image quality metrics to a modality's own, and add who is outside of their limits.

    Parameters
    ----------
    metrics, failures
        Of the modality, as `quality_table` takes them.
    found : DataFrame
        ``<prefix>_<metric>`` by subject.
    limits : mapping of str to Limits
        By metric, without the prefix.
    prefix : str
        What the names of the measures begin with.
    missing : {"keep", "drop"}
        Whether a subject without these metrics passes.
    """
    found = found.reindex(metrics.index)
    named = {f"{prefix}_{name.lower()}": (limit.min, limit.max) for name, limit in limits.items()}
    failures = {**failures, **outside_limits(found, named)}
    if missing == "drop":
        failures["no image quality metrics"] = found.isna().all(axis=1)
    return pd.concat([metrics, found], axis=1), failures


def keep_included(features: pd.DataFrame, quality: pd.DataFrame) -> pd.DataFrame:
    """Rows of the subjects that pass, in the order of the quality table."""
    return rows_of(features, quality.index[quality["included"]])
