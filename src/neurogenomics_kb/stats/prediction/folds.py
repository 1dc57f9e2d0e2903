"""Cross-validation folds: made once, saved, hashed, and shared by every analysis."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    GroupKFold,
    LeaveOneGroupOut,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError, listing

# Fold of rows that only ever train.
NEVER_TESTED = -1

Scheme = Literal["stratified", "grouped", "stratified_grouped", "leave_site_out"]


def make_folds(
    outcome: pd.Series,
    *,
    scheme: Scheme,
    n_splits: int = 5,
    groups: pd.Series | None = None,
    seed: int = 0,
    continuous: bool = False,
) -> pd.Series:
    """Assign every subject to one test fold.

    Parameters
    ----------
    outcome : Series (n_subjects,)
        Diagnosis or score; stratified schemes balance classes, or quartiles of a score.
    scheme : {"stratified", "grouped", "stratified_grouped", "leave_site_out"}
        Grouped schemes keep all rows of a group (family, child, site) in one fold.
        ``"leave_site_out"`` makes one fold per group and ignores `n_splits`.
    n_splits : int
        Number of folds, or of repeated splits. Default 5.
    groups : Series, optional
        Group of every subject; needed by all schemes but ``"stratified"``.
    seed : int
        Seed of the random numbers. Default 0.
    continuous : bool
        Whether the outcome is a score.

    Returns
    -------
    Series of int (n_subjects,)
        Number of the fold in which the subject is tested, named ``fold``, index sorted.

    Raises
    ------
    InputError
        If there are fewer groups than folds, a fold lacks a class, or groups are missing.
    """
    refuse_unknown("scheme", scheme, get_args(Scheme))
    outcome = outcome.sort_index()
    refuse_one_class(outcome)
    if scheme != "stratified":
        if groups is None:
            raise InputError(f"folds of scheme '{scheme}' need a group column", remedy="Name one.")
        groups = groups.reindex(outcome.index)
        refuse_missing_groups(groups)
        n_groups = groups.nunique()
        needed = 2 if scheme == "leave_site_out" else n_splits
        if n_groups < needed:
            raise InputError(
                f"{needed} folds were asked for, but '{groups.name}' has only {n_groups} groups "
                f"({listing(sorted(groups.unique(), key=str))})",
                column=str(groups.name),
                subjects=len(groups),
                remedy=f"Use at most {n_groups} folds, another group, or scheme 'stratified'.",
            )
    labels = quartiles(outcome) if continuous else outcome
    if not continuous and scheme.startswith("stratified"):
        rarest = labels.value_counts()
        if rarest.min() < n_splits:
            raise InputError(
                f"class {rarest.idxmin()} has {rarest.min()} subjects for {n_splits} folds",
                column=str(outcome.name),
                subjects=int(rarest.min()),
                of=len(outcome),
                remedy="Use fewer folds or another outcome.",
            )
    splitter = {
        "stratified": StratifiedKFold(n_splits, shuffle=True, random_state=seed),
        "grouped": GroupKFold(n_splits, shuffle=True, random_state=seed),
        "stratified_grouped": StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed),
        "leave_site_out": LeaveOneGroupOut(),
    }[scheme]
    folds = pd.Series(NEVER_TESTED, index=outcome.index, name="fold", dtype=np.int64)
    for number, (_, test) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
        folds.iloc[test] = number
    if (folds == NEVER_TESTED).any():
        raise InputError("subjects are in no fold", remedy="Recreate the folds.")
    check_folds(folds, outcome, groups, continuous=continuous)
    return folds


def split_in_time(
    outcome: pd.Series,
    time: pd.Series,
    cut: float,
    groups: pd.Series | None = None,
    *,
    continuous: bool = False,
) -> pd.Series:
    """Train on what came before a date, test on what came from then on.

    Parameters
    ----------
    outcome : Series (n_rows,)
        Outcome of every row.
    time : Series (n_rows,)
        Such as the year of enrolment.
    cut : float
        First time that is tested.
    groups : Series, optional
        Children or families, none of which may be on both sides.
    continuous : bool
        Whether the outcome is a score.

    Returns
    -------
    Series of int
        0 for tested rows, `NEVER_TESTED` for the others; named ``fold``, index sorted.

    Raises
    ------
    InputError
        If a time is missing, a side is empty or lacks a class, or a group is on both sides.
    """
    outcome = outcome.sort_index()
    refuse_one_class(outcome)
    time = time.reindex(outcome.index)
    if time.isna().any():
        raise InputError(
            "rows have no time",
            column=str(time.name),
            subjects=int(time.isna().sum()),
            of=len(time),
            remedy="Add it, or leave these rows out.",
        )
    late = (time >= cut).to_numpy()
    if late.all() or not late.any():
        raise InputError(
            f"all of {time.min():g} to {time.max():g} lies on one side of {cut:g}",
            column=str(time.name),
            subjects=len(time),
            remedy="Move the cut.",
        )
    folds = pd.Series(np.where(late, 0, NEVER_TESTED), outcome.index, name="fold", dtype=np.int64)
    if groups is not None:
        refuse_missing_groups(groups.reindex(outcome.index))
    check_folds(folds, outcome, groups, continuous=continuous)
    return folds


def refuse_one_class(outcome: pd.Series, when: str = "", file: str | None = None) -> None:
    """Refuse an outcome that is the same for everybody: nothing can be learned about it.

    Parameters
    ----------
    outcome : Series
        Gaps do not count.
    when : str
        What came before, for the message ("after quality control").
    file : str, optional
        Table that the outcome is from.

    Raises
    ------
    InputError
        Naming the only value.
    """
    found = outcome.dropna().unique()
    if len(found) > 1:
        return
    if not len(found):
        raise InputError(
            f"the outcome has no value{f' {when}' if when else ''}",
            file=file,
            column=str(outcome.name),
            subjects=0,
            of=len(outcome),
            remedy="Check which words stand for a gap in the table, and the levels on the card.",
        )
    shown = f"{found[0]:g}" if isinstance(found[0], float) else str(found[0])
    raise InputError(
        f"the outcome is {shown} for everybody{f' {when}' if when else ''}",
        file=file,
        column=str(outcome.name),
        subjects=int(outcome.notna().sum()),
        remedy="Check how it is coded in the table and on the dataset card, or name another "
        "outcome; the sample flow shows who was left out before.",
    )


def refuse_missing_groups(groups: pd.Series) -> None:
    """Raise when a subject has no group, since it could then sit on both sides of a split."""
    gaps = int(groups.isna().sum())
    if gaps:
        raise InputError(
            "a subject has no group",
            column=str(groups.name),
            subjects=gaps,
            of=len(groups),
            remedy="Give every unrelated subject a group of its own.",
        )


def quartiles(outcome: pd.Series) -> pd.Series:
    """Quartile of a score, for balancing folds."""
    return pd.Series(
        np.searchsorted(np.quantile(outcome, [0.25, 0.5, 0.75]), outcome, side="left"),
        index=outcome.index,
    )


def check_folds(
    folds: pd.Series, outcome: pd.Series, groups: pd.Series | None, *, continuous: bool
) -> None:
    """Refuse folds that split a group or miss a class.

    Raises
    ------
    InputError
    """
    if groups is not None:
        straddling = folds.groupby(groups.reindex(folds.index), observed=True).nunique()
        split = straddling[straddling > 1]
        if len(split):
            raise InputError(
                f"{len(split)} groups of '{groups.name}' lie on both sides of a fold boundary",
                remedy="Use a grouped scheme.",
            )
    if not continuous:
        table = pd.crosstab(folds, outcome.reindex(folds.index))
        for fold, row in table.iterrows():
            if (row == 0).any():
                where = (
                    "the training rows have" if fold == NEVER_TESTED else f"test fold {fold} has"
                )
                raise InputError(
                    f"{where} no subject of class {row.idxmin()}",
                    column=str(outcome.name),
                    subjects=int(row.sum()),
                    of=len(folds),
                    remedy="Use fewer folds or a stratified scheme.",
                )


def fold_splits(folds: np.ndarray | pd.Series) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of training and test subjects, fold by fold."""
    values = np.asarray(folds)
    for fold in np.unique(values[values != NEVER_TESTED]):
        test = values == fold
        yield np.flatnonzero(~test), np.flatnonzero(test)


def inner_splits(
    outcome: np.ndarray,
    groups: np.ndarray | None,
    *,
    n_splits: int = 3,
    seed: int = 0,
    continuous: bool = False,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds inside a training fold, for hyper-parameters, groups kept together.

    Raises
    ------
    InputError
        If the training side of one would lack a class.
    """
    labels = quartiles(pd.Series(outcome)).to_numpy() if continuous else outcome
    if groups is None:
        splitter = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    elif len(np.unique(groups)) < n_splits:
        # Fewer sites than inner folds: the outer scheme already holds groups out.
        splitter, groups = StratifiedKFold(n_splits, shuffle=True, random_state=seed), None
    else:
        splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    splits = list(splitter.split(np.zeros(len(labels)), labels, groups))
    if not continuous:
        refuse_inner_gaps(outcome, splits)
    return splits


def refuse_inner_gaps(outcome: np.ndarray, splits: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Refuse inner folds whose training side lacks a class, from which nothing can be fitted.

    Raises
    ------
    InputError
    """
    classes = np.unique(outcome)
    for train, _ in splits:
        absent = np.setdiff1d(classes, outcome[train])
        if len(absent) or len(classes) < 2:
            raise InputError(
                f"a training fold has too few groups with class "
                f"{absent[0] if len(absent) else classes[0]} to choose a penalty inside it",
                subjects=int((outcome == (absent[0] if len(absent) else classes[0])).sum()),
                of=len(outcome),
                remedy="Use fewer folds, another group, or an outcome with more of that class.",
            )


def hash_folds(folds: pd.Series) -> str:
    """Fingerprint of who is tested where: equal for equal subjects in equal folds.

    It is salted by the data alone and one-way, so it can be published with a result.
    """
    ordered = folds.sort_index()
    text = "\n".join(f"{subject}\t{fold}" for subject, fold in ordered.items())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hash_subjects(subjects: pd.Index) -> str:
    """Fingerprint of a set of subjects, whatever their order; equal sets can be told, not read."""
    return hashlib.sha256("\n".join(sorted(map(str, subjects))).encode()).hexdigest()[:16]
