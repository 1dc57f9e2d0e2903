"""Cohorts with repeated visits: one row per visit, and whose it is.

A visit is called ``<subject>_<session>``, as BIDS names its files (``sub-01_ses-2``), so that a row
has one name in every table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.foundation.tables import require_columns, require_unique_ids
from neurogenomics_kb.registry.cards import Visits

VISIT = "visit_id"
CHILD = "participant_id"
SESSION = "session_id"
# An age below this, all over a cohort, is in years; no cohort of children is all below two.
MONTHS_OF_YEARS = 24.0


def visit_names(subjects: pd.Series, sessions: pd.Series) -> pd.Series:
    """``<subject>_<session>`` of every row."""
    return subjects.astype(str) + "_" + sessions.astype(str)


def join_visits(
    participants: pd.DataFrame,
    sessions: pd.DataFrame,
    phenotypes: Mapping[str, pd.DataFrame] | None = None,
    *,
    file: str = "sessions.tsv",
) -> pd.DataFrame:
    """One row per visit, with what is known of the child and what was measured at the visit.

    Parameters
    ----------
    participants : DataFrame
        ``participant_id`` and columns that do not change.
    sessions : DataFrame
        ``participant_id``, ``session_id`` and columns of the visit.
    phenotypes : mapping of str to DataFrame, optional
        File name to table with ``participant_id``, usually ``session_id`` (else it holds for all
        visits), and measures. Visits without a row stay, with gaps.
    file : str
        What to call the sessions in messages.

    Returns
    -------
    DataFrame
        ``visit_id, participant_id, session_id``, then the other columns.

    Raises
    ------
    InputError
        If a visit is there twice, a child of the sessions is no participant, or two tables have a
        column of one name.
    """
    require_columns(participants, [CHILD], "participants.tsv")
    require_unique_ids(participants[CHILD], "participants.tsv", CHILD)
    table = _named(sessions, file)
    strangers = ~table[CHILD].isin(participants[CHILD])
    if strangers.any():
        raise InputError(
            "visits are of children who are not in participants.tsv",
            file=file,
            column=CHILD,
            subjects=int(table.loc[strangers, CHILD].nunique()),
            of=int(table[CHILD].nunique()),
            remedy="Add them there, or take their visits out.",
        )
    _refuse_shared(table, participants, [CHILD], "participants.tsv")
    table = table.merge(participants, on=CHILD, how="left", validate="many_to_one")
    for name, phenotype in (phenotypes or {}).items():
        keys = [CHILD, SESSION] if SESSION in phenotype else [CHILD]
        if SESSION in phenotype:
            phenotype = _named(phenotype, name)
            stray = ~phenotype[VISIT].isin(table[VISIT])
            if stray.any():
                raise InputError(
                    f"{int(stray.sum())} rows are of visits that {file} does not have",
                    file=name,
                    column=SESSION,
                    subjects=int(phenotype.loc[stray, CHILD].nunique()),
                    remedy="Add the visits, or take the rows out.",
                )
            phenotype = phenotype.drop(columns=VISIT)
        else:
            require_columns(phenotype, [CHILD], name)
            require_unique_ids(phenotype[CHILD], name, CHILD)
        _refuse_shared(table, phenotype, keys, name)
        table = table.merge(phenotype, on=keys, how="left", validate="many_to_one")
    first = [VISIT, CHILD, SESSION]
    return table[[*first, *(c for c in table if c not in first)]]


def _named(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Table with the name of every visit; each may occur once."""
    require_columns(table, [CHILD, SESSION], file)
    named = table.assign(**{VISIT: visit_names(table[CHILD], table[SESSION])})
    twice = named[VISIT].duplicated(keep=False) | table[[CHILD, SESSION]].isna().any(axis=1)
    if twice.any():
        raise InputError(
            f"{int(twice.sum())} rows repeat a visit or lack a name",
            file=file,
            column=SESSION,
            subjects=int(named.loc[twice, CHILD].nunique()),
            of=int(named[CHILD].nunique()),
            remedy="Keep one row per child and session.",
        )
    return named


def _refuse_shared(left: pd.DataFrame, right: pd.DataFrame, keys: list[str], file: str) -> None:
    shared = [c for c in right if c in left and c not in keys]
    if shared:
        raise InputError(
            f"another table has the columns {listing(shared)} too",
            file=file,
            column=shared[0],
            remedy="Rename one of them; which one is meant cannot be guessed.",
        )


def check_visits(table: pd.DataFrame, visits: Visits, file: str) -> None:
    """Check what only a table of visits can get wrong.

    Parameters
    ----------
    table : DataFrame
        Canonical columns, one row per visit.
    visits : Visits
        Which columns say whose visit it is, which, and at what age.
    file : str
        What to call the table in messages.

    Raises
    ------
    InputError
        If a child has a wave twice or lies in two families, an age is outside the wave's window, or
        ages are in years where months are expected.
    """
    for column in (visits.subject, visits.wave):
        gaps = int(table[column].isna().sum())
        if gaps:
            raise InputError(
                f"{gaps} visits have no value", file=file, column=column, remedy="Add it."
            )
    twice = table.duplicated([visits.subject, visits.wave], keep=False)
    if twice.any():
        raise InputError(
            f"{int(twice.sum())} visits repeat a wave of the same child",
            file=file,
            column=visits.wave,
            subjects=int(table.loc[twice, visits.subject].nunique()),
            remedy="Keep one visit per child and wave.",
        )
    for column in visits.constant:
        different = table.groupby(visits.subject, observed=True)[column].nunique()
        if (different > 1).any():
            raise InputError(
                f"differs between the visits of {int((different > 1).sum())} children",
                file=file,
                column=column,
                subjects=int((different > 1).sum()),
                of=len(different),
                remedy="It belongs to the child: correct the visits.",
            )
    if visits.age is not None:
        _check_ages(table, visits, file)


def _check_ages(table: pd.DataFrame, visits: Visits, file: str) -> None:
    age = table[visits.age]
    outside = pd.Series(False, table.index)
    windows = {wave: tuple(window) for wave, window in visits.windows.items()}
    for wave, (low, high) in windows.items():
        here = table[visits.wave] == wave
        outside |= here & age.notna() & ~age.between(low, high)
    if not outside.any():
        return
    # Twelve times too small, for everybody: the unit, not the visit.
    if age.max() <= MONTHS_OF_YEARS and all(
        ((12 * age[table[visits.wave] == wave]).dropna().between(low - 12, high + 12)).all()
        for wave, (low, high) in windows.items()
    ):
        raise InputError(
            f"ages go up to {age.max():g}: they are in years, months are expected",
            file=file,
            column=visits.age,
            subjects=len(table),
            remedy="Multiply them by 12.",
        )
    first = table[outside].iloc[0]
    low, high = windows[first[visits.wave]]
    raise InputError(
        f"{int(outside.sum())} visits are outside their wave's age window, first an age of "
        f"{first[visits.age]:g} in {first[visits.wave]} ({low:g} to {high:g})",
        file=file,
        column=visits.age,
        subjects=int(outside.sum()),
        of=len(table),
        remedy="Correct the age or the wave, or widen the window on the dataset card.",
    )


def one_row_per_visit(table):
    """Table or series of subjects and waves under the names of visits; other tables as they are."""
    if not isinstance(table.index, pd.MultiIndex):
        return table
    names = [f"{subject}_{wave}" if wave else str(subject) for subject, wave in table.index]
    return table.set_axis(pd.Index(names, name=SUBJECT))


def spread_over_visits(table: pd.DataFrame, subjects: pd.Series) -> pd.DataFrame:
    """Rows of subjects repeated for each of their visits; a table of visits as it is.

    Parameters
    ----------
    table : DataFrame
        Indexed by visit or by subject.
    subjects : Series
        Whose visit each visit is, indexed by visit.
    """
    table = one_row_per_visit(table)
    if table.empty or table.index.isin(subjects.index).any():
        return table
    known = subjects[subjects.isin(table.index)]
    if known.empty:
        return table
    return table.loc[known.to_numpy()].set_axis(pd.Index(known.index, name=SUBJECT))


def natural_order(waves: pd.Series) -> list[str]:
    """Waves sorted by the numbers in their names (ses-2 before ses-10)."""

    def key(wave: str) -> list:
        return [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", str(wave))]

    return sorted(waves.dropna().astype(str).unique(), key=key)
