"""FreeSurfer morphometry: features and surface quality."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.region_names import may_lack
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import (
    refuse_values,
    require_columns,
    require_finite_numbers,
    require_numbers,
    require_unique_ids,
    take_ids,
)

ETIV = "etiv"
SIDES = ["euler_lh", "euler_rh"]
PROBLEM = "problem"
# Of a closed surface without a hole.
LARGEST_EULER = 2
# Last word of a group's name to the largest value that a region can have; none is negative.
# FreeSurfer cuts thickness off at 5 mm by default. A head holds less than 3 litres.
LARGEST = {"thickness": (10.0, "mm"), "volume": (3e6, "mm³"), "area": (5e5, "mm²")}
# Measures that a region with vertices never has 0 of.
NEVER_ZERO = {*LARGEST, "meancurv", "gauscurv", "thicknessstd"}

logger = logging.getLogger(__name__)


def absent_as_gaps(tables: pd.DataFrame, file: Path | str) -> pd.DataFrame:
    """Measures in which 0 of a region that everybody has is a gap.

    ``aparcstats2table`` and ``asegstats2table`` write 0 for a region that a subject lacks, since
    FreeSurfer leaves out labels without vertices. Structures of which people may have nothing
    (hypointensities, a fifth ventricle) keep it.

    Parameters
    ----------
    tables : DataFrame
        Columns ``<group>__<region>``; the last word of a group's name says what is measured. Others
        stay as they are.
    file : path or str
        What to call the tables in the log.
    """
    columns = [
        c
        for c in tables
        if SEPARATOR in c
        and c.split(SEPARATOR)[0].rsplit("_", 1)[-1] in NEVER_ZERO
        and not may_lack(c.split(SEPARATOR, 1)[1])
        and pd.api.types.is_numeric_dtype(tables[c])
    ]
    absent = tables[columns] == 0
    if not absent.to_numpy().any():
        return tables
    where = absent.columns[absent.any()]
    logger.warning(
        "%s: %d values of 0 are taken as gaps, of regions that %d of %d rows lack: %s",
        file,
        int(absent.to_numpy().sum()),
        int(absent.any(axis=1).sum()),
        len(tables),
        listing(where, 3),
    )
    return tables.assign(**{c: tables[c].where(~absent[c]) for c in where})


def refuse_impossible(tables: pd.DataFrame, file: Path | str) -> None:
    """Refuse thickness, areas and volumes that no region has, such as codes of missing values.

    Raises
    ------
    InputError
    """
    for column in tables:
        measure = str(column).split(SEPARATOR)[0].rsplit("_", 1)[-1]
        if SEPARATOR not in str(column) or measure not in LARGEST:
            continue
        largest, unit = LARGEST[measure]
        what = f"is no {measure} in {unit}"
        refuse_values(
            tables[column],
            (tables[column] < 0) | (tables[column] > largest),
            lambda first, what=what: f"{first:g} {what}",
            file=file,
            column=str(column),
            remedy="Correct the values, or code missing ones as n/a.",
        )


def head_size(etiv: pd.Series, file: Path | str) -> pd.Series:
    """Intracranial volumes (mm³) with a gap for 0, which stands where there is no measure.

    Raises
    ------
    InputError
        If one is negative.
    """
    refuse_values(
        etiv,
        etiv < 0,
        lambda first: f"{first:g} is no volume in mm³",
        file=file,
        column=ETIV,
        remedy="Correct the values, or code missing ones as n/a.",
    )
    if (etiv == 0).any():
        logger.warning("%s: %d intracranial volumes of 0 are gaps", file, int((etiv == 0).sum()))
    return etiv.where(etiv != 0)


def morphometry_features(tables: pd.DataFrame, *, file: str = "smri.freesurfer") -> pd.DataFrame:
    """Regional measures as features.

    Values stay in FreeSurfer's units (mm for thickness, mm³ for volumes), gaps stay gaps, 0 of a
    region that everybody has is one, and constant regions stay in: nothing here looks across
    subjects.

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
        If subject ids repeat, there is no regional column, a column is not numeric, or a value is
        impossible.
    """
    require_unique_ids(tables.index, file)
    regional = [column for column in tables if SEPARATOR in column]
    if not regional:
        raise InputError(
            "there is no regional column", file=file, remedy="Supply at least one table of regions."
        )
    for column in regional:
        require_numbers(tables[column], file, column)
    refuse_impossible(tables[regional], file)
    features = absent_as_gaps(tables[regional].astype(float), file)
    features.columns = [
        feature_name("smri", *column.split(SEPARATOR, maxsplit=1)) for column in regional
    ]
    features.index = _subject_index(tables.index)
    return features


def _subject_index(index: pd.Index) -> pd.Index:
    """Subject ids as text under their name; an index of subjects and waves stays as it is."""
    if isinstance(index, pd.MultiIndex):
        return index
    return pd.Index(index.astype(str), name=SUBJECT)


def euler_of_tables(tables: pd.DataFrame) -> pd.Series | None:
    """Mean Euler number from the tables' own ``euler_lh`` and ``euler_rh``; None without them."""
    if not set(SIDES) <= set(tables) or tables[SIDES].isna().all(axis=None):
        return None
    mean = tables[SIDES].astype(float).mean(axis=1, skipna=False)
    return mean.rename("euler_number").set_axis(_subject_index(tables.index))


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
    sides = pd.DataFrame({c: require_finite_numbers(euler[c], file, c) for c in SIDES})
    for column in SIDES:
        refuse_values(
            sides[column],
            sides[column] > LARGEST_EULER,
            lambda first: f"{first:g} is no Euler number, which is 2 at most",
            file=file,
            column=column,
            remedy="Write 2 − 2 × the holes of each hemisphere's surface, not the holes.",
        )
    ids = take_ids(euler[id_column], file).rename(SUBJECT)
    mean = sides.mean(axis=1, skipna=False)
    return pd.Series(mean.to_numpy(dtype=float), index=ids, name="euler_number")


def surface_quality(
    tables: pd.DataFrame,
    euler: pd.Series | None,
    *,
    min_euler_number: float | None = -217.0,
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
    min_euler_number : float or None
        Subjects below it fail; nobody does for None. The number tells unusable images apart (Rosen
        et al. 2018); −217 is a cut-off usually attributed to that paper.
    missing_euler : {"keep", "drop"}
        Whether subjects without an Euler number pass, in a cohort that has them.

    Returns
    -------
    metrics : DataFrame
        ``euler_number`` (absent if `euler` is None) and ``etiv`` of all subjects in either input.
    failures : dict of str to Series of bool
        Reason to who fails.
    """
    index = _subject_index(tables.index)
    etiv = tables[ETIV].astype(float) if ETIV in tables else pd.Series(float("nan"), tables.index)
    etiv = etiv.set_axis(index)
    subjects = index if euler is None else index.union(euler.index).set_names(index.names)
    failures = problems_of(tables, subjects)
    if euler is None:
        return etiv.to_frame(ETIV), failures
    metrics = pd.DataFrame({"euler_number": euler.reindex(subjects), ETIV: etiv.reindex(subjects)})
    number = metrics["euler_number"]
    failures["no FreeSurfer tables"] = pd.Series(~subjects.isin(index), subjects)
    if min_euler_number is not None:
        failures[f"mean Euler number below {min_euler_number:g}"] = number < min_euler_number
    if choose(missing_euler, {"keep": False, "drop": True}, "missing_euler"):
        failures["no Euler number"] = number.isna()
    return metrics, failures


def problems_of(tables: pd.DataFrame, subjects: pd.Index) -> dict[str, pd.Series]:
    """Subjects by the problem that the reader of the tables met."""
    if PROBLEM not in tables:
        return {}
    texts = tables[PROBLEM].set_axis(_subject_index(tables.index)).reindex(subjects).fillna("")
    return {text: texts == text for text in sorted(set(texts) - {""})}
