"""ComBat with a training and an application side."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.errors import InputError, listing
from neurogenomics_kb.stats.confounds import ConfoundDesign, Unseen, feature_values, refuse_missing

SMALL_SITE = 30


class ComBat(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Empirical-Bayes removal of site shifts and scales.

    Johnson, Li & Rabinovic, Biostatistics 2007; for imaging Fortin et al., NeuroImage 2018. Site
    parameters are learned from the rows given to `fit` and applied unchanged to others.

    Parameters
    ----------
    batch : str
        Column that holds the site or scanner.
    preserve : sequence of str
        Columns whose effect is kept (age, sex, …). They must not be derived from the outcome.
    parametric : bool
        Inverse-gamma and normal priors, or the empirical distribution over features.
    unseen : {"error", "reference", "estimate_unlabelled"}
        A site that training lacks: refuse; leave unadjusted; or estimate its shift and scale from
        its own features, without its outcome.

    Notes
    -----
    Sites with fewer than 30 training subjects warn, with fewer than 2 are refused.
    """

    def __init__(
        self,
        batch: str = "site",
        preserve: Sequence[str] = (),
        *,
        parametric: bool = True,
        unseen: Unseen = "error",
    ) -> None:
        self.batch = batch
        self.preserve = preserve
        self.parametric = parametric
        self.unseen = unseen

    def fit(self, X: pd.DataFrame, y=None) -> ComBat:
        """Learn site shifts and scales from the rows of `X`."""
        if self.batch not in X:
            raise InputError("the batch column is missing", column=self.batch, remedy="Add it.")
        refuse_missing(X[self.batch], self.batch)
        counts = X[self.batch].value_counts()
        if counts.min() < 2:
            raise InputError(
                f"site {counts.idxmin()!r} has {counts.min()} subject, too few for a variance",
                column=self.batch,
                remedy="Merge it with a site of the same scanner or leave it out.",
            )
        if counts.min() < SMALL_SITE:
            warnings.warn(
                f"ComBat: sites with fewer than {SMALL_SITE} subjects: "
                f"{listing(f'{s} ({c})' for s, c in counts[counts < SMALL_SITE].items())}",
                stacklevel=2,
            )
        self.sites_ = sorted(counts.index, key=str)
        self.covariates_ = ConfoundDesign(self.preserve).fit(X)
        self.features_ = [c for c in X.columns if c != self.batch and c not in self.preserve]
        values = feature_values(X[self.features_])
        codes = X[self.batch].map({s: i for i, s in enumerate(self.sites_)}).to_numpy(dtype=int)
        sites = np.eye(len(self.sites_))[codes]
        design = np.hstack([sites, self.covariates_.transform(X)])
        coef = np.linalg.lstsq(design, values, rcond=None)[0]
        shares = sites.mean(axis=0)
        self.grand_mean_ = shares @ coef[: len(self.sites_)]
        self.covariate_coef_ = coef[len(self.sites_) :]
        variance = ((values - design @ coef) ** 2).mean(axis=0)
        self.scale_ = np.sqrt(np.where(variance > 0, variance, 1.0))
        standard = self._standardise(X, values)
        self.shift_, self.spread_ = {}, {}
        for i, site in enumerate(self.sites_):
            self.shift_[site], self.spread_[site] = self._estimate(standard[codes == i])
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def _expected(self, X: pd.DataFrame) -> np.ndarray:
        return self.grand_mean_ + self.covariates_.transform(X) @ self.covariate_coef_

    def _standardise(self, X: pd.DataFrame, values: np.ndarray) -> np.ndarray:
        return (values - self._expected(X)) / self.scale_

    def _estimate(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posterior shift and variance of one site from its standardised rows (n_site, p)."""
        shift, spread = rows.mean(axis=0), rows.var(axis=0, ddof=1)
        if rows.shape[1] < 3 or not spread.min() > 0:  # no prior to learn, or constant features
            return shift, np.where(spread > 0, spread, 1.0)
        solve = _parametric if self.parametric else _nonparametric
        return solve(rows, shift, spread)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Harmonized features, without the batch and preserved columns."""
        check_is_fitted(self)
        refuse_missing(X[self.batch], self.batch)
        values = feature_values(X[self.features_])
        standard = self._standardise(X, values)
        adjusted = standard.copy()
        site = X[self.batch].to_numpy()
        new = sorted(set(site) - set(self.sites_), key=str)
        if new and self.unseen == "error":
            raise InputError(
                f"site {listing(new)} occurs in no training subject, so its shift is unknown",
                column=self.batch,
                subjects=int(np.isin(site, new).sum()),
                of=len(X),
                remedy="Use folds that put every site into training, or unseen='reference' or "
                "'estimate_unlabelled'.",
            )
        for level in pd.unique(site):
            rows = site == level
            if level in self.shift_:
                shift, spread = self.shift_[level], self.spread_[level]
            elif self.unseen == "estimate_unlabelled" and rows.sum() >= 2:
                shift, spread = self._estimate(standard[rows])
            else:
                continue
            adjusted[rows] = (standard[rows] - shift) / np.sqrt(spread)
        harmonized = adjusted * self.scale_ + self._expected(X)
        return pd.DataFrame(harmonized, index=X.index, columns=self.features_)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the harmonized columns."""
        check_is_fitted(self)
        return np.array(self.features_, dtype=object)


def _parametric(rows, shift, spread, tolerance=1e-6, max_iterations=1000):
    """Iterate the conditional posterior means of shift and variance (Johnson 2007, eq. 2.4)."""
    n = len(rows)
    prior_mean, prior_variance = shift.mean(), shift.var(ddof=1)
    m, v = spread.mean(), spread.var(ddof=1)
    a, b = (2 * v + m**2) / v, (m * v + m**3) / v
    g, d = shift, spread
    squares, sums = (rows**2).sum(axis=0), rows.sum(axis=0)
    for _ in range(max_iterations):
        g_new = (n * prior_variance * shift + d * prior_mean) / (n * prior_variance + d)
        residual = squares - 2 * g_new * sums + n * g_new**2
        d_new = (0.5 * residual + b) / (n / 2 + a - 1)
        moved = max(np.abs(g_new - g).max(), np.abs(d_new - d).max())
        g, d = g_new, d_new
        if moved < tolerance:
            break
    return g, d


def _nonparametric(rows, shift, spread):
    """Average over the other features' estimates, weighted by their likelihood."""
    n, p = rows.shape
    squares, sums = (rows**2).sum(axis=0), rows.sum(axis=0)
    g, d = np.empty(p), np.empty(p)
    for i in range(p):
        others = np.arange(p) != i
        residual = squares[i] - 2 * shift[others] * sums[i] + n * shift[others] ** 2
        log_likelihood = -n / 2 * np.log(2 * np.pi * spread[others]) - residual / (
            2 * spread[others]
        )
        weight = np.exp(log_likelihood - logsumexp(log_likelihood))
        g[i], d[i] = weight @ shift[others], weight @ spread[others]
    return g, d
