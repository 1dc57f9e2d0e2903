"""ComBat with a training and an application side."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import get_args

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.stats.confounds import ConfoundDesign, Unseen, feature_values, refuse_missing
from neurogenomics_kb.stats.harmonization.empirical_bayes import estimate_site

SMALL_SITE = 30
# A residual smaller than this, relative to the values, is rounding.
ROUNDING = 1e-12


def refuse_absent(X: pd.DataFrame, reads: Iterable[str]) -> None:
    """Refuse a table that lacks a column which the method reads.

    Raises
    ------
    InputError
        Naming the first one.
    """
    absent = [c for c in reads if c not in X]
    if absent:
        raise InputError(
            "a column that the harmonization reads is missing",
            column=absent[0],
            remedy="Add it, or take it out of the harmonization card.",
        )


def check_sizes(counts: pd.Series, method: BaseEstimator, purpose: str, *, stacklevel: int) -> None:
    """Refuse a site of one training subject, and warn of small ones.

    Parameters
    ----------
    counts : Series of int
        Training subjects by site.
    method : estimator
        Method that learns from them, with the column of the site as ``batch``.
    purpose : str
        What a single subject is too few for.
    stacklevel : int
        Calls between the warning and whoever called ``fit``, as `warnings.warn` counts them.

    Raises
    ------
    InputError
    """
    if counts.min() < 2:
        raise InputError(
            f"site {counts.idxmin()!r} has {counts.min()} subject, too few for {purpose}",
            column=method.batch,
            remedy="Merge it with a site of the same scanner or leave it out.",
        )
    if counts.min() < SMALL_SITE:
        warnings.warn(
            f"{type(method).__name__}: sites with fewer than {SMALL_SITE} subjects: "
            f"{listing(f'{s} ({c})' for s, c in counts[counts < SMALL_SITE].items())}",
            stacklevel=stacklevel,
        )


# A dataclass writes the constructor: scikit-learn wants every parameter in the signature of every
# kind of ComBat, and nothing else done there.
@dataclass(eq=False, repr=False)
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
    mean_only : bool
        Remove shifts and leave scales; see `estimate_site` for what sva's prior then does.
    reference : str, optional
        Site that the others are moved to, and whose own rows stay as they are.
    empirical_bayes : bool
        Without it each feature has its own site mean and variance, unshrunken.
    fit_on : mapping of str to sequence, optional
        Columns and the levels of them that `fit` learns from, such as ``{"diagnosis": [0]}`` for
        controls; all rows by default. `transform` applies what they taught to all rows, and does
        not look at these columns.

    Attributes
    ----------
    sites_ : list
        Sites of the training rows.
    shift_, spread_ : dict of site to ndarray (p,)
        Standardised shift and variance of each site.
    grand_mean_, scale_ : ndarray (p,)
    covariate_coef_ : ndarray (n_covariate_columns, p)

    Notes
    -----
    Sites with fewer than 30 training subjects warn, with fewer than 2 are refused. Covariates that
    the site determines are refused, since neither could be told from the other.
    """

    batch: str = "site"
    preserve: Sequence[str] = ()
    _: KW_ONLY
    parametric: bool = True
    unseen: Unseen = "error"
    mean_only: bool = False
    reference: str | None = None
    empirical_bayes: bool = True
    fit_on: Mapping[str, Sequence] | None = None

    @property
    def reads(self) -> list[str]:
        """Columns that are read and not returned."""
        return unique([self.batch, *self._kept, *(self.fit_on or ())])

    @property
    def _kept(self) -> list[str]:
        """Columns whose effect is kept."""
        return list(self.preserve)

    def fit(self, X: pd.DataFrame, y=None) -> ComBat:
        """Learn site shifts and scales from the rows of `X`, or from those that `fit_on` names."""
        refuse_unknown("unseen", self.unseen, get_args(Unseen))
        self._learn(self._teachers(X))
        return self

    def _teachers(self, X: pd.DataFrame) -> pd.DataFrame:
        """Rows that the method learns from."""
        self._refuse_absent(X)
        rows = np.ones(len(X), dtype=bool)
        for column, levels in (self.fit_on or {}).items():
            rows &= X[column].isin(list(levels)).to_numpy()
        if not rows.any():
            told = "; ".join(f"{c}: {listing(levels)}" for c, levels in (self.fit_on or {}).items())
            raise InputError(
                f"no training subject is among those to learn from ({told})",
                column=next(iter(self.fit_on), None) if self.fit_on else None,
                subjects=0,
                of=len(X),
                remedy="Correct the levels under `fit_on`, or leave it out.",
            )
        return X[rows] if self.fit_on else X

    def _learn(self, X: pd.DataFrame) -> None:
        values = self._begin(X)
        codes = X[self.batch].map({s: i for i, s in enumerate(self.sites_)}).to_numpy(dtype=int)
        self._learn_location(X, values, np.eye(len(self.sites_))[codes])
        standard = (values - self._location(X, values)) / self.scale_
        self.shift_, self.spread_ = {}, {}
        for i, site in enumerate(self.sites_):
            self.shift_[site], self.spread_[site] = self._estimate(standard[codes == i])
        if self.reference is not None:
            self.shift_[self.reference] = np.zeros(values.shape[1])
            self.spread_[self.reference] = np.ones(values.shape[1])

    def _refuse_absent(self, X: pd.DataFrame) -> None:
        if self.batch not in X:
            raise InputError("the batch column is missing", column=self.batch, remedy="Add it.")
        refuse_absent(X, self.reads)

    def _begin(self, X: pd.DataFrame) -> np.ndarray:
        """Check the training table and remember its columns; feature values (n, p)."""
        refuse_missing(X[self.batch], self.batch)
        counts = self._site_sizes(X)
        # The warning points at where `fit` is called.
        check_sizes(counts, self, "a variance", stacklevel=5)
        self.sites_ = sorted(counts.index, key=str)
        if self.reference is not None and self.reference not in self.sites_:
            raise InputError(
                f"the reference site {self.reference!r} occurs in no training subject; there are "
                f"{listing(self.sites_)}",
                column=self.batch,
                remedy="Name one of them, or use folds that put it into training.",
            )
        self.features_ = [c for c in X.columns if c not in set(self.reads)]
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return feature_values(X[self.features_])

    def _site_sizes(self, X: pd.DataFrame) -> pd.Series:
        return X[self.batch].value_counts()

    def _learn_location(self, X: pd.DataFrame, values: np.ndarray, sites: np.ndarray) -> None:
        """Grand mean, covariate effects and residual scale from site indicators (n, S)."""
        self._learn_covariates(X)
        covariates = self._covariates(X)
        refuse_confounded(sites, covariates, self.batch, self._kept)
        site_coef, self.covariate_coef_ = self._coefficients(sites, covariates, values)
        fitted = sites @ site_coef + covariates @ self.covariate_coef_
        residual = values - fitted
        residual[np.abs(residual) <= ROUNDING * np.abs(values).max(axis=0)] = 0.0
        self._set_scale(site_coef, residual**2, sites)

    def _set_scale(self, site_coef, squared_residuals, sites) -> None:
        if self.reference is None:
            self.grand_mean_ = sites.mean(axis=0) @ site_coef
            variance = squared_residuals.mean(axis=0)
        else:
            number = self.sites_.index(self.reference)
            self.grand_mean_ = site_coef[number]
            variance = squared_residuals[sites[:, number] > 0].mean(axis=0)
        self.scale_ = np.sqrt(np.where(variance > 0, variance, 1.0))

    def _learn_covariates(self, X: pd.DataFrame) -> None:
        self.covariates_ = ConfoundDesign(self.preserve).fit(X)

    def _covariates(self, X: pd.DataFrame) -> np.ndarray:
        return self.covariates_.transform(X)

    def _coefficients(self, sites, covariates, values) -> tuple[np.ndarray, np.ndarray]:
        coef = np.linalg.lstsq(np.hstack([sites, covariates]), values, rcond=None)[0]
        return coef[: sites.shape[1]], coef[sites.shape[1] :]

    def _expected(self, X: pd.DataFrame) -> np.ndarray:
        return self.grand_mean_ + self._covariates(X) @ self.covariate_coef_

    def _location(self, X: pd.DataFrame, values: np.ndarray) -> np.ndarray:
        """What is kept of every row beside its residual (n, p)."""
        return self._expected(X)

    def _estimate(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return estimate_site(
            rows,
            parametric=self.parametric,
            mean_only=self.mean_only,
            empirical_bayes=self.empirical_bayes,
        )

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Harmonized features, without the columns that were read."""
        check_is_fitted(self, "features_")
        unread = self.fit_on or ()
        absent = [c for c in self.feature_names_in_ if c not in X and c not in unread]
        if absent:
            raise InputError(
                "a column seen in fitting is absent",
                column=str(absent[0]),
                remedy="Give fit and transform tables with the same columns.",
            )
        refuse_missing(X[self.batch], self.batch)
        values = feature_values(X[self.features_])
        site = X[self.batch].to_numpy()
        refuse_unseen(site, self.sites_, self.batch, self.unseen)
        location = self._location(X, values)
        adjusted = self._adjust((values - location) / self.scale_, site)
        harmonized = adjusted * self.scale_ + location
        return pd.DataFrame(harmonized, index=X.index, columns=self.features_, copy=False)

    def _adjust(self, standard: np.ndarray, site: np.ndarray) -> np.ndarray:
        """Standardised rows (n, p) without their site's shift and spread."""
        adjusted = standard.copy()
        for level in pd.unique(site):
            rows = site == level
            if level in self.shift_:
                shift, spread = self.shift_[level], self.spread_[level]
            elif self.unseen == "estimate_unlabelled" and rows.sum() >= 2:
                shift, spread = self._estimate(standard[rows])
            else:
                continue
            adjusted[rows] = (standard[rows] - shift) / np.sqrt(spread)
        return adjusted

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the harmonized columns."""
        check_is_fitted(self, "features_")
        return np.array(self.features_, dtype=object)


def unique(columns: Iterable[str]) -> list[str]:
    """Columns in order of first appearance."""
    return list(dict.fromkeys(columns))


def refuse_unseen(site: np.ndarray, known, column: str, unseen: Unseen) -> None:
    """Raise for sites that training lacks, where the policy is to refuse.

    Raises
    ------
    InputError
    """
    new = sorted(set(site) - set(known), key=str)
    if new and unseen == "error":
        raise InputError(
            f"site {listing(new)} occurs in no training subject, so its shift is unknown",
            column=column,
            subjects=int(np.isin(site, new).sum()),
            of=len(site),
            remedy="Use folds that put every site into training, or unseen='reference' or "
            "'estimate_unlabelled'.",
        )


def refuse_confounded(
    sites: np.ndarray, covariates: np.ndarray, batch: str, kept: Sequence[str]
) -> None:
    """Raise where a preserved covariate cannot be told from the site.

    Raises
    ------
    InputError
    """
    if not covariates.shape[1]:
        return
    centred = covariates - covariates.mean(axis=0)
    together = np.linalg.matrix_rank(np.hstack([sites, centred]))
    if together < sites.shape[1] + np.linalg.matrix_rank(centred):
        raise InputError(
            f"sites determine a preserved covariate ({listing(kept)}) "
            "in the training subjects, so its effect cannot be told from the site's",
            column=batch,
            subjects=len(sites),
            remedy="Preserve fewer covariates, or leave out the sites that do not vary in them.",
        )
