"""FreeSurfer morphometry: features and surface quality."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import require_columns, require_numbers, require_unique_ids

ETIV = "etiv"
SIDES = ["euler_lh", "euler_rh"]
PROBLEM = "problem"


def morphometry_features(tables: pd.DataFrame, *, file: str = "smri.freesurfer") -> pd.DataFrame:
    """Regional measures as features.

    Values stay in FreeSurfer's units (mm for thickness, mm³ for volumes), gaps stay gaps, and
    constant regions stay in: nothing here looks across subjects.

    Parameters
    ----------
    tables : DataFrame
        Index of subject ids (or subjects and waves); columns ``<group>__<region>``, beside
        measures of the whole image such as ``etiv``.
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
    regional = [column for column in tables if SEPARATOR in column]
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
    features.index = subject_index(tables.index)
    return features


def subject_index(index: pd.Index) -> pd.Index:
    """Subject ids as text under their name; an index of subjects and waves stays as it is."""
    if isinstance(index, pd.MultiIndex):
        return index
    return pd.Index(index.astype(str), name=SUBJECT)


def euler_of_tables(tables: pd.DataFrame) -> pd.Series | None:
    """Mean Euler number from the tables' own ``euler_lh`` and ``euler_rh``; None without them."""
    if not set(SIDES) <= set(tables) or tables[SIDES].isna().all(axis=None):
        return None
    mean = tables[SIDES].astype(float).mean(axis=1, skipna=False)
    return mean.rename("euler_number").set_axis(subject_index(tables.index))


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
    require_columns(euler, (id_column, *SIDES), file)
    require_unique_ids(euler[id_column], file, id_column)
    sides = euler[SIDES]
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
        Index of subject ids; columns ``etiv`` (mm³) and, where a reader found subjects that
        cannot be used, ``problem`` (text, "" if there is none).
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
    index = subject_index(tables.index)
    etiv = tables[ETIV].astype(float) if ETIV in tables else pd.Series(float("nan"), tables.index)
    etiv = etiv.set_axis(index)
    subjects = index if euler is None else index.union(euler.index).set_names(index.names)
    failures = problems_of(tables, subjects)
    if euler is None:
        return etiv.to_frame(ETIV), failures
    metrics = pd.DataFrame({"euler_number": euler.reindex(subjects), ETIV: etiv.reindex(subjects)})
    number = metrics["euler_number"]
    failures |= {
        "no FreeSurfer tables": pd.Series(~subjects.isin(index), subjects),
        f"mean Euler number below {min_euler_number:g}": number < min_euler_number,
    }
    if missing_euler == "drop":
        failures["no Euler number"] = number.isna()
    return metrics, failures


def problems_of(tables: pd.DataFrame, subjects: pd.Index) -> dict[str, pd.Series]:
    """Subjects by the problem that the reader of the tables met."""
    if PROBLEM not in tables:
        return {}
    texts = tables[PROBLEM].set_axis(subject_index(tables.index)).reindex(subjects).fillna("")
    return {text: texts == text for text in sorted(set(texts) - {""})}
