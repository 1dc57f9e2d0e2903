"""FreeSurfer morphometry: features and surface quality."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.tables import require_columns, require_numbers, require_unique_ids

ETIV = "etiv"


def morphometry_features(tables: pd.DataFrame, *, file: str = "smri.freesurfer") -> pd.DataFrame:
    """Regional measures as features.

    Values stay in FreeSurfer's units (mm for thickness, mm³ for volumes), gaps stay gaps, and
    constant regions stay in: nothing here looks across subjects.

    Parameters
    ----------
    tables : DataFrame
        Index of subject ids; columns ``<group>__<region>`` and ``etiv``.
    file : str
        What to call the tables in messages.

    Returns
    -------
    DataFrame
        Columns ``smri__<group>__<region>``, index ``subject_id``; ``etiv`` is not among them, since
        it is a confound.

    Raises
    ------
    InputError
        If subject ids repeat, there is no regional column, or a column is not numeric.
    """
    require_unique_ids(tables.index, file)
    regional = [column for column in tables if column != ETIV]
    if not regional:
        raise InputError(
            "there is no regional column", file=file, remedy="Supply at least one table of regions."
        )
    for column in regional:
        require_numbers(tables[column], file, column)
    features = tables[regional].astype(float)
    features.columns = [
        feature_name("smri", *column.split(SEPARATOR, maxsplit=1)) for column in regional
    ]
    features.index = pd.Index(tables.index.astype(str), name=SUBJECT)
    return features


def mean_euler_number(
    euler: pd.DataFrame, id_column: str = "participant_id", *, file: str = "smri.euler"
) -> pd.Series:
    """Euler number of the unrefined surfaces, averaged over the hemispheres.

    The number is 2 minus twice the holes in the surface: 2 at best, more negative for worse images
    (Rosen et al., NeuroImage 2018, 169:407–418). A subject with one hemisphere missing has none.

    Parameters
    ----------
    euler : DataFrame
        `id_column`, ``euler_lh``, ``euler_rh``.
    id_column : str
        Column with the subject ids.
    file : str
        What to call the table in messages.

    Raises
    ------
    InputError
        If a column is absent or not numeric, or ids repeat.
    """
    require_columns(euler, (id_column, "euler_lh", "euler_rh"), file)
    require_unique_ids(euler[id_column], file, id_column)
    sides = euler[["euler_lh", "euler_rh"]]
    for column in sides:
        require_numbers(sides[column], file, column)
    ids = pd.Index(euler[id_column].astype(str), name=SUBJECT)
    mean = sides.mean(axis=1, skipna=False)
    return pd.Series(mean.to_numpy(dtype=float), index=ids, name="euler_number")


def surface_quality(
    tables: pd.DataFrame,
    euler: pd.Series | None,
    *,
    min_euler_number: float = -217.0,
    missing_euler: Literal["keep", "drop"] = "keep",
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Quality metrics of every subject, and who fails for which reason.

    Parameters
    ----------
    tables : DataFrame
        Index of subject ids; column ``etiv`` (mm³).
    euler : Series or None
        Mean Euler number by subject; None where the cohort has no Euler numbers, and then nobody
        fails for it.
    min_euler_number : float
        Subjects below it fail. The number tells unusable images apart (Rosen et al. 2018); −217 is
        a cut-off usually attributed to that paper.
    missing_euler : {"keep", "drop"}
        Whether subjects without an Euler number pass, in a cohort that has them.

    Returns
    -------
    metrics : DataFrame
        ``euler_number`` (absent if `euler` is None) and ``etiv`` of all subjects in either input.
    failures : dict of str to Series of bool
        Reason to who fails.
    """
    index = pd.Index(tables.index.astype(str), name=SUBJECT)
    etiv = tables[ETIV].astype(float) if ETIV in tables else pd.Series(float("nan"), tables.index)
    etiv = etiv.set_axis(index)
    if euler is None:
        return etiv.to_frame(ETIV), {}
    subjects = index.union(euler.index).rename(SUBJECT)
    metrics = pd.DataFrame({"euler_number": euler.reindex(subjects), ETIV: etiv.reindex(subjects)})
    number = metrics["euler_number"]
    failures = {
        "no FreeSurfer tables": pd.Series(~subjects.isin(index), subjects),
        f"mean Euler number below {min_euler_number:g}": number < min_euler_number,
    }
    if missing_euler == "drop":
        failures["no Euler number"] = number.isna()
    return metrics, failures
