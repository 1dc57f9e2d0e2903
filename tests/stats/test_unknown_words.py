"""A word that a function does not know is refused; it never stands for another one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.confounds import ConfoundDesign, ConfoundRegressor
from neurogenomics_kb.stats.harmonization import (
    ComBat,
    ComBatGAM,
    CovBat,
    LongitudinalComBat,
    SiteUnlearning,
)
from neurogenomics_kb.stats.inference.partial import partial_correlation
from neurogenomics_kb.stats.prediction.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.prediction.folds import make_folds
from neurogenomics_kb.stats.prediction.resampling import (
    corrected_resampled_t,
    fold_score_interval,
)
from neurogenomics_kb.stats.transformers.factor_analysis import FactorAnalysis
from neurogenomics_kb.stats.transformers.head_size import HeadSizeAdjuster
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators
from neurogenomics_kb.stats.transformers.normative import NormativeScores

RNG = np.random.default_rng(0)
N = 80
X, Y = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2))
OUTCOME = pd.Series(np.arange(N) % 2, name="diagnosis")
FRAME = pd.DataFrame(X, columns=[f"smri__volume__R{j}" for j in range(3)]).assign(
    site=np.repeat(["north", "south"], N // 2),
    age=RNG.uniform(5, 20, N),
    sex=np.tile(["f", "m"], N // 2),
    etiv=1e6 + RNG.normal(size=N),
    child=np.arange(N) // 2,
)
FEATURES = list(FRAME.columns[:3])


def fit(estimator, *covariates: str):
    return lambda: estimator.fit(FRAME[[*FEATURES, *covariates]])


def mean_score(y, score, weights):
    return (weights * score).mean(axis=1)


CASES = {
    "statistic": lambda: permutation_cca(X, Y, statistic="wilk"),
    "regularisation": lambda: permutation_cca(X, Y, regularisation="lasso"),
    "residual space": lambda: permutation_cca(X, Y, residual_space="huhjhun"),
    "correlation": lambda: partial_correlation(X[:, 0], Y[:, 0], method="kendall"),
    "scheme": lambda: make_folds(OUTCOME, scheme="stratifed"),
    "alternative": lambda: corrected_resampled_t(np.array([0.1, 0.2, 0.3]), alternative="less"),
    "scale of an interval": lambda: fold_score_interval(
        0.7, 0.1, chance=0.5, n_folds=5, scale="log"
    ),
    "scale of a bootstrap": lambda: bootstrap_folds(
        mean_score, OUTCOME, X[:, 0], np.arange(N) % 4, scale="probit"
    ),
    "unseen level": fit(ConfoundDesign(["site"], unseen="ignore"), "site"),
    "unseen of a regressor": fit(ConfoundRegressor(["site"], unseen="ignore"), "site"),
    "unseen site": fit(ComBat(unseen="ignore"), "site"),
    "unseen site of CovBat": fit(CovBat(unseen="ignore"), "site"),
    "unseen site of a head": fit(SiteUnlearning("site", ["age"], unseen="ignore"), "site", "age"),
    "extrapolation": fit(ComBatGAM(extrapolation="flat"), "site", "age"),
    "penalty": fit(ComBatGAM(penalty="aic"), "site", "age"),
    "new subjects": fit(LongitudinalComBat(subject="child", new_subjects="mean"), "site", "child"),
    "head size": fit(HeadSizeAdjuster("ratio"), "etiv"),
    "norms": fit(NormativeScores(method="loess"), "age", "sex"),
    "outside": fit(NormativeScores(outside="extend"), "age", "sex"),
    "indicators": fit(MissingIndicators("item")),
    "rotation": fit(FactorAnalysis(1, rotation="promax")),
    "output": fit(FactorAnalysis(1, output="residuals")),
}


@pytest.mark.parametrize("case", CASES)
def test_unknown_words_are_refused(case):
    with pytest.raises(InputError, match=r"is not one of|there is no|nothing to estimate"):
        CASES[case]()
