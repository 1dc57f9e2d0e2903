"""ComBat for repeated visits: what is a person's own is not taken for the scanner's."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.stats.confounds import refuse_missing
from neurogenomics_kb.stats.harmonization.combat import (
    ROUNDING,
    ComBat,
    refuse_confounded,
    unique,
)
from neurogenomics_kb.stats.harmonization.random_intercept import fit_random_intercept

NewSubjects = Literal["own", "zero"]


@dataclass(eq=False, repr=False)
class LongitudinalComBat(ComBat):
    """ComBat with a random intercept per subject.

    Beer et al., NeuroImage 2020 (doi:10.1016/j.neuroimage.2020.117129). Site and covariate effects
    and variances are estimated by restricted maximum likelihood on the rows given to `fit`; rows
    are standardised by the within-subject standard deviation.

    Parameters
    ----------
    batch, preserve, parametric, unseen, mean_only, reference, empirical_bayes, fit_on
        As for `ComBat`. Put age at the visit among `preserve`.
    subject : str
        Column that says whose visit a row is.
    new_subjects : {"own", "zero"}
        A subject that training lacks has its intercept predicted from its own visits in the table
        given to `transform`, as a training subject's was from its own (default), or has intercept
        zero. A training subject keeps the intercept of its training visits, also for later ones.

    Attributes
    ----------
    intercepts_ : DataFrame
        Predicted intercepts of the training subjects.
    ratio_ : ndarray (p,)
        Variance between subjects over variance within.
    """

    _: KW_ONLY
    subject: str = "subject_id"
    new_subjects: NewSubjects = "own"

    @property
    def reads(self) -> list[str]:
        """Columns that are read and not returned."""
        return unique([*super().reads, self.subject])

    def _site_sizes(self, X: pd.DataFrame) -> pd.Series:
        """Subjects, not visits, per site."""
        refuse_missing(X[self.subject], self.subject)
        return X.groupby(self.batch, observed=True)[self.subject].nunique()

    def _learn_location(self, X: pd.DataFrame, values: np.ndarray, sites: np.ndarray) -> None:
        refuse_unknown("new_subjects", self.new_subjects, get_args(NewSubjects))
        self._learn_covariates(X)
        covariates = self._covariates(X)
        refuse_confounded(sites, covariates, self.batch, self._kept)
        codes, names = pd.factorize(X[self.subject])
        design = np.hstack([sites, covariates])
        self.model_ = fit_random_intercept(design, values, codes)
        self.ratio_ = self.model_.ratio
        site_coef = self.model_.coef[: len(self.sites_)]
        self.covariate_coef_ = self.model_.coef[len(self.sites_) :]
        residual = values - design @ self.model_.coef
        predicted = self._predict(codes, residual)
        self.intercepts_ = pd.DataFrame(predicted, index=names, columns=self.features_)
        self._set_scale(site_coef, (residual - predicted[codes]) ** 2, sites)
        self.site_effect_ = dict(zip(self.sites_, site_coef - self.grand_mean_, strict=True))
        # The model's own within-subject deviation, which counts the intercepts' uncertainty.
        rounding = ROUNDING * np.abs(values).max(axis=0)
        self.scale_ = np.where(self.model_.sigma > rounding, self.model_.sigma, 1.0)

    def _predict(self, codes: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """Intercepts (m, p) of the subjects 0 … m − 1 from residuals (n, p)."""
        visits = np.bincount(codes)
        sums = np.zeros((len(visits), residual.shape[1]))
        np.add.at(sums, codes, residual)
        return self.model_.weight(visits) * sums

    def _location(self, X: pd.DataFrame, values: np.ndarray) -> np.ndarray:
        expected = self._expected(X)
        refuse_missing(X[self.subject], self.subject)
        known = X[self.subject].isin(self.intercepts_.index).to_numpy()
        location = expected.copy()
        location[known] += self.intercepts_.loc[X.loc[known, self.subject]].to_numpy()
        if self.new_subjects == "zero" or known.all():
            return location
        site = X[self.batch].to_numpy()
        residual = values - expected
        for level in pd.unique(site):
            rows = site == level
            if level in self.site_effect_:
                residual[rows] -= self.site_effect_[level]
            else:  # a site that training lacks: its mean stands for its effect
                residual[rows] -= residual[rows].mean(axis=0)
        codes, _ = pd.factorize(X.loc[~known, self.subject])
        location[~known] += self._predict(codes, residual[~known])[codes]
        return location
