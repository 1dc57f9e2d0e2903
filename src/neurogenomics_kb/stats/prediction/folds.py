"""Cross-validation folds: made once, saved, hashed, and shared by every analysis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
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
from neurogenomics_kb.stats.prediction.grouped_splits import stratified_group_splits

# Fold of rows that only ever train.
NEVER_TESTED = -1

Scheme = Literal[
    "stratified", "grouped", "stratified_grouped", "leave_site_out", "leave_groups_out"
]
# Random partitions that `leave_groups_out` tries before it says that a fold would lack a class.
N_PARTITIONS = 100


def make_folds(
    outcome: pd.Series,
    *,
    scheme: Scheme,
    n_splits: int = 5,
    groups: pd.Series | None = None,
    groups_out: int | None = None,
    seed: int = 0,
    continuous: bool = False,
) -> pd.Series:
    """Assign every subject to one test fold.

    Parameters
    ----------
    outcome : Series (n_subjects,)
        Diagnosis or score; stratified schemes balance classes, or quartiles of a score.
    scheme : str
        ``"stratified"``, ``"grouped"``, ``"stratified_grouped"``, ``"leave_site_out"`` or
        ``"leave_groups_out"``. Grouped schemes keep all rows of a group (family, child, site) in
        one fold. ``"leave_site_out"`` makes one fold per group, ``"leave_groups_out"`` divides the
        groups at random into folds of `groups_out` or one less; both ignore `n_splits`.
    n_splits : int
        Number of folds, or of repeated splits. Default 5.
    groups : Series, optional
        Group of every subject; needed by all schemes but ``"stratified"``.
    groups_out : int, optional
        Groups in a test fold of ``"leave_groups_out"``.
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
        if scheme == "leave_groups_out":
            return _leave_groups_out(outcome, groups, groups_out, seed, continuous=continuous)
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


def _leave_groups_out(
    outcome: pd.Series, groups: pd.Series, groups_out: int | None, seed: int, *, continuous: bool
) -> pd.Series:
    """Folds of so many groups, the first random partition in which no fold lacks a class."""
    n_groups = groups.nunique()
    n_folds = -(-n_groups // groups_out) if groups_out else 0
    if n_folds < 3:
        raise InputError(
            f"{n_groups} groups of '{groups.name}' make {n_folds} folds of {groups_out} groups",
            column=str(groups.name),
            subjects=len(groups),
            remedy=f"Leave at most {max(1, (n_groups - 1) // 2)} groups out at a time (three folds "
            "or more), or use another group.",
        )
    codes = pd.factorize(groups, sort=True)[0]
    rng = np.random.default_rng(seed)
    for attempt in range(N_PARTITIONS):
        fold_of = np.empty(n_groups, dtype=np.int64)
        for number, members in enumerate(np.array_split(rng.permutation(n_groups), n_folds)):
            fold_of[members] = number
        folds = pd.Series(fold_of[codes], outcome.index, name="fold")
        try:
            check_folds(folds, outcome, groups, continuous=continuous)
        except InputError:
            if attempt == N_PARTITIONS - 1:
                raise
            continue
        break
    return folds


def repeat_folds(make: Callable[[int], pd.Series], n_repeats: int, seed: int) -> pd.DataFrame:
    """Several random partitions of the same people.

    Parameters
    ----------
    make : callable
        Seed in, folds of every person out.
    n_repeats : int
        Partitions; the first one is that of `seed` itself.
    seed : int
        Seed of the first one, from which those of the others are drawn.

    Returns
    -------
    DataFrame of int (n_subjects, n_repeats)
        ``fold``, ``fold_2``, … ; numbers go on from one repeat to the next, so that a number is one
        fold of one repeat. Everybody is tested once in each.

    Raises
    ------
    InputError
        If two repeats are the same partition, which would count one division of the people twice.
    """
    columns: dict[str, pd.Series] = {}
    seen: set[bytes] = set()
    first = 0
    for repeat in range(n_repeats):
        drawn = np.random.SeedSequence([seed, repeat]).generate_state(1)[0]
        own = seed if repeat == 0 else int(drawn)
        folds = make(own)
        partition = pd.factorize(folds)[0].astype(np.int64).tobytes()
        if partition in seen:
            raise InputError(
                f"repeat {repeat + 1} of the folds divides the people as an earlier one does",
                subjects=len(folds),
                remedy="Ask for fewer repeats, or for folds that can be drawn in more ways.",
            )
        seen.add(partition)
        columns["fold" if repeat == 0 else f"fold_{repeat + 1}"] = folds + first
        first += int(folds.max()) + 1
    return pd.DataFrame(columns)


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


def fold_splits(
    folds: np.ndarray | pd.Series | pd.DataFrame,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of training and test subjects, fold by fold and repeat by repeat."""
    values = np.asarray(folds)
    for repeat in values.reshape(len(values), -1).T:
        for fold in np.unique(repeat[repeat != NEVER_TESTED]):
            test = repeat == fold
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
        splits = stratified_group_splits(labels, groups, n_splits, seed)
    if groups is None:
        splits = list(splitter.split(np.zeros(len(labels)), labels))
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
                f"{absent[0] if len(absent) else classes[0]} to choose settings inside it",
                subjects=int((outcome == (absent[0] if len(absent) else classes[0])).sum()),
                of=len(outcome),
                remedy="Use fewer folds, another group, or an outcome with more of that class.",
            )


def hash_folds(folds: pd.Series | pd.DataFrame) -> str:
    """Fingerprint of who is tested where: equal for equal subjects in equal folds of all repeats.

    It is salted by the data alone and one-way, so it can be published with a result.
    """
    ordered = pd.DataFrame(folds).sort_index()
    text = "\n".join(
        "\t".join(map(str, (subject, *row)))
        for subject, row in zip(ordered.index, ordered.to_numpy(), strict=True)
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hash_subjects(subjects: pd.Index) -> str:
    """Fingerprint of a set of subjects, whatever their order; equal sets can be told, not read."""
    return hashlib.sha256("\n".join(sorted(map(str, subjects))).encode()).hexdigest()[:16]
