"""Image quality metrics from group tables such as MRIQC's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.foundation.tables import require_columns, require_numbers

IMAGE, PARTICIPANT = "bids_name", "participant_id"
WAVE = "wave_id"


def group_image_quality(
    table: pd.DataFrame, metrics: Iterable[str], *, prefix: str, file: str, waves: bool = False
) -> pd.DataFrame:
    """Quality metrics of every subject, averaged over the subject's images.

    Parameters
    ----------
    table : DataFrame
        One row per image with ``bids_name`` (``sub-01_ses-1_T1w``), as MRIQC writes it (Esteban et
        al., PLoS ONE 2017, 12:e0184661), or one per subject with ``participant_id``.
    metrics : iterable of str
        Columns that are taken: ``cjv``, ``cnr``, ``efc``, ``snr_total``, …
    prefix : str
        Put before their names (``t1w_cjv``), since modalities share metric names.
    file : str
        What to call the table in messages.
    waves : bool
        Average within sessions (``ses-1``), for tables with a row per subject and wave.

    Returns
    -------
    DataFrame
        ``<prefix>_<metric>`` in lower case and the table's units, index ``subject_id``,
        with ``wave_id`` where waves are told apart.

    Raises
    ------
    InputError
        If a column is missing or not numeric, or a row names no subject.
    """
    metrics = list(metrics)
    if IMAGE not in table and PARTICIPANT not in table:
        raise InputError(
            f"there is neither {IMAGE} nor {PARTICIPANT}",
            file=file,
            remedy=f"The table has {listing(table.columns)}.",
        )
    source = IMAGE if IMAGE in table else PARTICIPANT
    require_columns(table, metrics, file)
    for metric in metrics:
        require_numbers(table[metric], file, metric)
    names = table[source].astype("string")
    subjects = names.str.extract(r"^(sub-[A-Za-z0-9]+)", expand=False) if source == IMAGE else names
    if subjects.isna().any():
        raise InputError(
            f"{int(subjects.isna().sum())} of {len(table)} rows are not named after a subject, "
            f"first {names[subjects.isna()].iloc[0]!r}",
            file=file,
            column=source,
            remedy="Expected names such as sub-01_T1w.",
        )
    if source == PARTICIPANT and subjects.duplicated().any():
        raise InputError(
            f"'{subjects[subjects.duplicated()].iloc[0]}' occurs more than once",
            file=file,
            column=source,
            subjects=int(subjects.duplicated().sum()),
            of=len(table),
            remedy="Keep one row per subject.",
        )
    keys = [subjects.astype(object).rename(SUBJECT)]
    if waves:
        session = names.str.extract(r"_(ses-[A-Za-z0-9]+)", expand=False)
        keys.append(session.astype(object).rename(WAVE))
    means = table[metrics].astype(float).groupby(keys).mean()
    return means.rename(columns=lambda name: f"{prefix}_{name.lower()}")


def outside_limits(
    metrics: pd.DataFrame, limits: Mapping[str, tuple[float | None, float | None]]
) -> dict[str, pd.Series]:
    """Who is below or above a stated limit; a gap is outside of none.

    Limits are numbers that somebody stated beforehand. Outliers relative to the other subjects
    of a site are deliberately not offered: whether a subject is used would then depend on who else
    is in the cohort, and on test subjects.

    Parameters
    ----------
    metrics : DataFrame
    limits : mapping of str to (low, high)
        Column to its smallest and largest allowed value; None leaves a side open.

    Returns
    -------
    dict of str to Series of bool
        Reason to who fails.
    """
    failures = {}
    for name, (low, high) in limits.items():
        if low is not None:
            failures[f"{name} below {low:g}"] = metrics[name] < low
        if high is not None:
            failures[f"{name} above {high:g}"] = metrics[name] > high
    return failures
