"""Choosing among rungs so that the choice is paid for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.inputs import Inputs, Rung, Splits
from neurogenomics_kb.stats.prediction.folds import inner_splits

logger = logging.getLogger(__name__)

Maker = Callable[[], Rung]


@dataclass(frozen=True)
class Choice:
    """Which rung the inner folds of one training fold chose.

    Attributes
    ----------
    rung : str
        Name of the chosen one; of equal ones the first candidate.
    scores : dict of str to ndarray (k,)
        Score of every candidate in every inner fold.
    failed : dict of str to str
        Candidates that could not be fitted in an inner fold, and why.
    """

    rung: str
    scores: dict[str, np.ndarray]
    failed: dict[str, str]

    @classmethod
    def of(cls, scores: Mapping[str, np.ndarray], failed: Mapping[str, str]) -> Choice:
        """Choice of the best mean score, of equal ones the first.

        Parameters
        ----------
        scores : mapping of str to ndarray (k,)
            Of every candidate that was fitted in every inner fold.
        failed : mapping of str to str
            The others, and why.
        """
        best = max(scores, key=lambda name: scores[name].mean())
        return cls(best, dict(scores), dict(failed))

    def among(self, names: Collection[str]) -> Choice:
        """What would have been chosen among some of the candidates.

        Parameters
        ----------
        names : collection of str
            Candidates that stay, late fusion among them.
        """
        return Choice.of(
            {n: s for n, s in self.scores.items() if n in names},
            {n: why for n, why in self.failed.items() if n in names},
        )


def score_of(y: np.ndarray, prediction: np.ndarray, *, continuous: bool, mean: float) -> float:
    """Held-out R² (against the training mean), or AUROC, of one test fold.

    Parameters
    ----------
    y, prediction : ndarray (n,)
        Outcome and prediction of test people.
    continuous : bool
        Whether the outcome is a score.
    mean : float
        Mean of the training people's outcome.
    """
    if continuous:
        return float(1 - np.sum((y - prediction) ** 2) / np.sum((y - mean) ** 2))
    return float(roc_auc_score(y, prediction))


def choose_rung(
    makers: Mapping[str, Maker],
    inputs: Inputs,
    y: np.ndarray,
    splits: Splits,
    unlabelled: Inputs | None = None,
    *,
    continuous: bool = False,
    random_state: int = 0,
) -> Choice:
    """Choose a rung on inner folds of one training fold.

    Where this is done anew in every training fold, comparing what was chosen with late fusion on
    the test folds is one test, whose level does not suffer from the choice; taking the best of
    several rungs on the same test folds does.

    Parameters
    ----------
    makers : mapping of str to callable
        A new, unfitted rung by name; late fusion is among them and stands first.
    inputs : Inputs
        Training people (n).
    y : ndarray (n,)
        0/1, or a score.
    splits : list of (train, test)
        Inner folds, relatives together.
    unlabelled : Inputs, optional
        People without an outcome; relatives of an inner test person are left out there.
    continuous : bool
        Whether the outcome is a score. Default false.
    random_state : int
        Seed of the folds inside the inner folds. Default 0.

    Returns
    -------
    Choice
    """
    if not continuous:
        refuse_one_class(y, splits)
    scores: dict[str, list[float]] = {name: [] for name in makers}
    failed: dict[str, str] = {}
    for train, test in splits:
        here = inputs.take(train)
        inside = inner_splits(y[train], here.groups, seed=random_state, continuous=continuous)
        others = unrelated(unlabelled, inputs.take(test))
        for name, make in makers.items():
            if name in failed:
                continue
            try:
                fitted = make().fit(here, y[train], inside, others)
            except InputError as error:
                if name == next(iter(makers)):
                    raise  # without late fusion there is nothing to be chosen against
                failed[name] = str(error)
                logger.warning("%s cannot be chosen: %s", name, error)
                continue
            found = fitted.predict(inputs.take(test))
            scores[name].append(
                score_of(y[test], found, continuous=continuous, mean=y[train].mean())
            )
    known = {name: np.array(s) for name, s in scores.items() if name not in failed}
    return Choice.of(known, failed)


def refuse_one_class(y: np.ndarray, splits: Splits) -> None:
    """Refuse inner folds in whose test people an AUROC is not defined.

    Raises
    ------
    InputError
    """
    for number, (_, test) in enumerate(splits):
        if len(np.unique(y[test])) < 2:
            raise InputError(
                f"inner fold {number} has one class, {y[test][0]:g}, so no rung can be chosen",
                subjects=len(test),
                of=len(y),
                remedy="Use fewer folds, another group, or an outcome with more of the rare class.",
            )


def unrelated(unlabelled: Inputs | None, tested: Inputs) -> Inputs | None:
    """People without an outcome whose group and family have nobody among those who are tested.

    Parameters
    ----------
    unlabelled : Inputs, optional
        People without an outcome.
    tested : Inputs
        People who are tested.
    """
    if unlabelled is None:
        return None
    kept = np.ones(len(unlabelled), dtype=bool)
    for own, others in (
        (unlabelled.groups, tested.groups),
        (unlabelled.families, tested.families),
    ):
        if own is not None and others is not None:
            kept &= ~np.isin(own, others)
    return unlabelled.take(kept) if kept.any() else None
