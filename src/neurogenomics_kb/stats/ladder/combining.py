"""Second levels of an ensemble: how predictions of several learners become one."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from neurogenomics_kb.stats.ladder.inputs import Splits
from neurogenomics_kb.stats.prediction.estimators import PenalisedClassifier, PenalisedRegression
from neurogenomics_kb.stats.prediction.predictors import predict_score

# A learner that is certain of a few people would otherwise outweigh all others.
FLOOR = 0.005
MOST_PICKED = 40


def link(scores: np.ndarray, *, continuous: bool) -> np.ndarray:
    """Scores on a scale on which they add: log odds of probabilities, scores as they are.

    Parameters
    ----------
    scores : ndarray
        Probabilities, or predicted scores.
    continuous : bool
        Whether the outcome is a score.
    """
    return scores if continuous else logit(np.clip(scores, FLOOR, 1 - FLOOR))


class Combiner:
    """Weighted mean of learners on the scale of `link`; subclasses choose the weights.

    Parameters
    ----------
    continuous : bool
        Whether the outcome is a score.

    Attributes
    ----------
    weights_ : ndarray (m,)
        Weight of every learner; they add up to 1.
    """

    def __init__(self, *, continuous: bool) -> None:
        self.continuous = continuous

    def fit(self, Z: np.ndarray, y: np.ndarray, splits: Splits) -> Combiner:
        """Choose the weights.

        Parameters
        ----------
        Z : ndarray (n, m)
            Held-out predictions of m learners, see `link`.
        y : ndarray (n,)
            Outcome.
        splits : list of (train, test)
            Inner folds.
        """
        weights = self._weigh(Z, y)
        self.weights_ = weights / weights.sum()
        return self

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,)."""
        mean = Z @ self.weights_
        return mean if self.continuous else expit(mean)

    def loss(self, Z: np.ndarray, y: np.ndarray) -> float:
        """Log loss, or mean squared error, of the combined predictions."""
        return _loss(Z @ self.weights_, y, self.continuous)

    def _weigh(self, Z: np.ndarray, y: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class MeanOfAll(Combiner):
    """Every learner counts the same."""

    def _weigh(self, Z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.ones(Z.shape[1])


class BestBase(Combiner):
    """The learner with the smallest held-out loss alone."""

    def _weigh(self, Z: np.ndarray, y: np.ndarray) -> np.ndarray:
        losses = [_loss(z, y, self.continuous) for z in Z.T]
        return np.eye(Z.shape[1])[int(np.argmin(losses))]


class EnsembleSelection(Combiner):
    """Learners are added one at a time, with replacement, as long as the loss falls."""

    def _weigh(self, Z: np.ndarray, y: np.ndarray) -> np.ndarray:
        counts, total, reached = np.zeros(Z.shape[1]), np.zeros(len(y)), np.inf
        for size in range(1, MOST_PICKED + 1):
            losses = [_loss((total + z) / size, y, self.continuous) for z in Z.T]
            best = int(np.argmin(losses))
            if losses[best] >= reached - 1e-12:
                break
            reached, total = losses[best], total + Z[:, best]
            counts[best] += 1
        return counts


class LinearCombiner(Combiner):
    """Penalised logistic or ridge regression on the learners, penalty chosen on the inner folds."""

    def fit(self, Z: np.ndarray, y: np.ndarray, splits: Splits) -> LinearCombiner:
        """Fit the regression.

        Parameters
        ----------
        Z : ndarray (n, m)
            Held-out predictions of m learners, see `link`.
        y : ndarray (n,)
            Outcome.
        splits : list of (train, test)
            Inner folds.
        """
        self._centre, spread = Z.mean(axis=0), Z.std(axis=0)
        self._scale = np.where(spread > 0, spread, 1.0)
        kind = PenalisedRegression if self.continuous else PenalisedClassifier
        self._model = kind().fit((Z - self._centre) / self._scale, y, splits=splits)
        return self

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,)."""
        scaled = (Z - self._centre) / self._scale
        return predict_score(self._model, scaled, continuous=self.continuous)

    def loss(self, Z: np.ndarray, y: np.ndarray) -> float:
        """Log loss, or mean squared error, of the combined predictions."""
        return _loss(link(self.predict(Z), continuous=self.continuous), y, self.continuous)


COMBINERS: dict[str, type[Combiner]] = {
    "logistic": LinearCombiner,
    "mean": MeanOfAll,
    "best": BestBase,
    "caruana": EnsembleSelection,
}


def _loss(z: np.ndarray, y: np.ndarray, continuous: bool) -> float:
    """Squared error, or log loss of log odds."""
    if continuous:
        return float(np.mean((y - z) ** 2))
    return float(np.mean(np.logaddexp(0, z) - y * z))
