"""ComBat that also makes the covariance of features alike over sites."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.harmonization.combat import ComBat
from neurogenomics_kb.stats.transformers.projection import principal_axes


@dataclass(eq=False, repr=False)
class CovBat(ComBat):
    """ComBat, then ComBat of the leading principal components of what it leaves.

    Chen et al., Human Brain Mapping 2022 (doi:10.1002/hbm.25688). Components, and each site's mean
    and variance along them, come from the rows given to `fit`; what lies outside the components
    passes unchanged.

    Parameters
    ----------
    batch, preserve, parametric, unseen, mean_only, reference, empirical_bayes, fit_on
        As for `ComBat`. As in the authors' program, component scores are harmonized without
        empirical Bayes and without covariates.
    variance_kept : float
        Share of the residual variance that the harmonized components must exceed.

    Attributes
    ----------
    n_components_ : int
        Components that are harmonized.
    axes_ : ndarray (p, n_components_)
    """

    _: KW_ONLY
    variance_kept: float = 0.95

    def _learn(self, X: pd.DataFrame) -> None:
        """Learn site parameters of features, then of component scores."""
        if not 0 < self.variance_kept <= 1:
            raise InputError(
                f"variance_kept={self.variance_kept} is not a share",
                remedy="Use a number above 0 and up to 1.",
            )
        super()._learn(X)
        values, site = X[self.features_].to_numpy(dtype=float), X[self.batch].to_numpy()
        standard = (values - self._location(X, values)) / self.scale_
        adjusted = super()._adjust(standard, site)
        self.centre_ = adjusted.mean(axis=0)
        axes, singular = principal_axes(adjusted - self.centre_, min(adjusted.shape))
        share = np.cumsum(singular**2) / (singular**2).sum()
        beyond = np.flatnonzero(share > self.variance_kept)
        self.n_components_ = int(beyond[0]) + 1 if len(beyond) else len(share)
        self.axes_ = axes[:, : self.n_components_]
        self.scores_ = ComBat(
            self.batch, unseen=self.unseen, reference=self.reference, empirical_bayes=False
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # small sites were named above
            self.scores_.fit(self._score_table(adjusted, site))

    def _score_table(self, adjusted: np.ndarray, site: np.ndarray) -> pd.DataFrame:
        scores = (adjusted - self.centre_) @ self.axes_
        table = pd.DataFrame(scores, columns=[f"pc{k + 1}" for k in range(scores.shape[1])])
        return table.assign(**{self.batch: site})

    def _adjust(self, standard: np.ndarray, site: np.ndarray) -> np.ndarray:
        adjusted = super()._adjust(standard, site)
        table = self._score_table(adjusted, site)
        before = table.drop(columns=self.batch)
        return adjusted + (self.scores_.transform(table) - before).to_numpy() @ self.axes_.T
