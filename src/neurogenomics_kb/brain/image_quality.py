"""Image quality metrics from group tables such as MRIQC's."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.foundation.tables import require_columns, require_finite_numbers, take_ids

logger = logging.getLogger(__name__)

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
    numbers = {m: require_finite_numbers(table[m], file, m) for m in metrics}
    names = table[source].astype("string").str.strip()
    if source == IMAGE:
        subjects = subjects_of(names, file, "sub-01_T1w")
    else:
        _refuse_repeated(names, file)
        subjects = pd.Series(take_ids(table[source], file), table.index, dtype=object)
    keys = [subjects.astype(object).rename(SUBJECT)]
    if waves:
        session = names.str.extract(r"_(ses-[^_\s]+)", expand=False)
        if session.isna().any():
            logger.warning(
                "%s: %d of %d rows name no session and are left out, first %s",
                file, int(session.isna().sum()), len(names), names[session.isna()].iloc[0],
            )  # fmt: skip
        keys.append(session.astype(object).rename(WAVE))
    means = pd.DataFrame(numbers, index=table.index).groupby(keys).mean()
    return means.rename(columns=lambda name: f"{prefix}_{name.lower()}")


def _refuse_repeated(names: pd.Series, file: str) -> None:
    """Refuse a table by participant in which one stands twice.

    Raises
    ------
    InputError
    """
    if names.duplicated().any():
        raise InputError(
            f"'{names[names.duplicated()].iloc[0]}' occurs more than once",
            file=file,
            column=PARTICIPANT,
            subjects=int(names.duplicated().sum()),
            of=len(names),
            remedy="Keep one row per subject.",
        )


def subjects_of(names: pd.Series, file: str, example: str, what: str = "rows") -> pd.Series:
    """Subject of every image: the name up to the first underscore.

    Labels such as ``CC-001`` are not what BIDS allows, and occur; ``sub-CC-001`` and ``sub-CC-002``
    are two people.

    Parameters
    ----------
    names : Series of str
        ``sub-01_ses-1_T1w``.
    file : str
        What to call the table in messages.
    example : str
        A name as it should be, for messages.
    what : str
        What is named.

    Raises
    ------
    InputError
        If a name does not begin with a subject.
    """
    subjects = names.astype("string").str.extract(r"^(sub-[^_\s./]+)", expand=False)
    if subjects.isna().any():
        raise InputError(
            f"{int(subjects.isna().sum())} of {len(names)} {what} are not named after a subject, "
            f"first {names[subjects.isna()].iloc[0]!r}",
            file=file,
            column=IMAGE,
            remedy=f"Expected names such as {example}.",
        )
    return subjects.astype(object)


def outside_limits(
    metrics: pd.DataFrame, limits: Mapping[str, tuple[float | None, float | None]]
) -> dict[str, pd.Series]:
    """Who is below or above a stated limit; a gap is outside of none.

    Limits are numbers that somebody stated beforehand. Outliers relative to the other subjects
    of a site are not offered for these metrics: whether a subject is used would then depend on who
    else is in the cohort. (The Euler number has such limits: `neurogenomics_kb.brain.euler`.)

    Parameters
    ----------
    metrics : DataFrame
        Metrics of the run, or of quality control.
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
