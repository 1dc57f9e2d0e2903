"""ComBat that keeps covariate effects of any smooth shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.stats.confounds import ConfoundDesign
from neurogenomics_kb.stats.harmonization.combat import ComBat
from neurogenomics_kb.stats.harmonization.smooth import Extrapolation, SmoothDesign, fit_penalised


@dataclass(eq=False, repr=False)
class ComBatGAM(ComBat):
    """ComBat whose preserved covariates act through penalised splines.

    Pomponio et al., NeuroImage 2020 (doi:10.1016/j.neuroimage.2019.116450). Knots, smoothness and
    site parameters come from the rows given to `fit`.

    Parameters
    ----------
    batch, preserve, parametric, unseen, mean_only, reference, empirical_bayes, fit_on
        As for `ComBat`; `preserve` holds the linear and categorical covariates.
    smooth : sequence of str
        Numeric covariates whose effect is kept as a smooth curve.
    df : int
        B-splines per smooth covariate.
    penalty : float or "gcv"
        Roughness penalty: by generalized cross-validation in the training rows, per feature, or
        fixed; 0 for plain regression splines.
    extrapolation : {"constant", "linear", "error"}
        What is expected of an age outside the training range: the value at the border (default),
        the line through its slope, or refusal. It enters the result only through the difference
        of scales between sites, since the expected value is taken out and put back.

    Attributes
    ----------
    degrees_ : ndarray (p,)
        Effective degrees of freedom of the smooth terms.
    """

    _: KW_ONLY
    smooth: Sequence[str] = ("age",)
    df: int = 10
    penalty: float | Literal["gcv"] = "gcv"
    extrapolation: Extrapolation = "constant"

    @property
    def _kept(self) -> list[str]:
        return [*self.preserve, *self.smooth]

    def _learn_covariates(self, X: pd.DataFrame) -> None:
        linear = [c for c in self.preserve if c not in set(self.smooth)]
        self.covariates_ = ConfoundDesign(linear).fit(X)
        self.splines_ = SmoothDesign(self.smooth, df=self.df, extrapolation=self.extrapolation).fit(
            X
        )

    def _covariates(self, X: pd.DataFrame) -> np.ndarray:
        return np.hstack([self.covariates_.transform(X), self.splines_.transform(X)])

    def _coefficients(self, sites, covariates, values) -> tuple[np.ndarray, np.ndarray]:
        n_linear = len(self.covariates_.columns_)
        plain = np.hstack([sites, covariates[:, :n_linear]])
        plain_coef, smooth_coef, self.degrees_ = fit_penalised(
            plain, covariates[:, n_linear:], self.splines_.penalty_, values, self.penalty
        )
        n_sites = sites.shape[1]
        return plain_coef[:n_sites], np.vstack([plain_coef[n_sites:], smooth_coef])
