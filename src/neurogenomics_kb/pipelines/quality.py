"""What the quality tables of all modalities have in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from neurogenomics_kb.errors import InputError, listing

logger = logging.getLogger(__name__)


class Parameters(BaseModel):
    """Base of parameter groups: a misspelt name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


def keep_included(features: pd.DataFrame, quality: pd.DataFrame) -> pd.DataFrame:
    """Rows of the subjects that pass, in the order of the quality table."""
    return features.loc[quality.index[quality["included"]]]
