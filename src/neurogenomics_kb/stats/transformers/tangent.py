"""Covariances in the tangent space at the training subjects' mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
from nilearn.connectome import ConnectivityMeasure
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.errors import InputError, listing


class TangentSpace(TransformerMixin, BaseEstimator):
    """Deviations of covariances from their geometric mean in the training fold.

    The mean is a property of the group, so it is learnt from training subjects only (Varoquaux et
    al., MICCAI 2010; Dadi et al., NeuroImage 2019). The computation is nilearn's
    ``ConnectivityMeasure(kind="tangent")``, given covariances in place of series.

    Attributes
    ----------
    columns_ : list
        Columns seen in `fit`: the upper triangle with the diagonal, row by row.
    n_parcels_ : int
    mean_ : ndarray, shape (n_parcels_, n_parcels_)
        Geometric mean of the training covariances.

    Notes
    -----
    Off-diagonal values keep their size and diagonal ones are divided by the square root of 2, as
    nilearn vectorises, so that Euclidean distances are those of the matrices up to one factor.
    """

    def fit(self, X: pd.DataFrame, y=None) -> TangentSpace:
        """Geometric mean of the covariances of `X` (n, p (p + 1) / 2)."""
        self.columns_ = list(X.columns)
        parcels = (np.sqrt(8 * X.shape[1] + 1) - 1) / 2
        if parcels != int(parcels) or parcels < 2:
            raise InputError(
                f"{X.shape[1]} columns are no upper triangle with its diagonal",
                column=str(X.columns[0]) if X.shape[1] else None,
                remedy="The step tangent reads the feature group covariance, and reads all of it.",
            )
        self.n_parcels_ = int(parcels)
        measure = ConnectivityMeasure(
            cov_estimator=_Given(), kind="tangent", vectorize=False, standardize=False
        )
        self.measure_ = measure.fit(self._matrices(X))
        self.mean_ = self.measure_.mean_
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Tangent vectors (n, p (p + 1) / 2), in the columns of `X`."""
        check_is_fitted(self)
        if list(X.columns) != self.columns_:
            raise InputError(
                "the columns are not those of the training subjects",
                remedy="Extract all subjects with one atlas.",
            )
        matrices = self._matrices(X)
        # nilearn refuses a group of one, although the reference is the training subjects'.
        doubled = matrices if len(matrices) > 1 else matrices * 2
        tangent = np.asarray(self.measure_.transform(doubled))[: len(matrices)]
        rows, columns = np.triu_indices(self.n_parcels_)
        values = tangent[:, rows, columns]
        values[:, rows == columns] /= np.sqrt(2)
        return pd.DataFrame(values, index=X.index, columns=self.columns_)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the columns, unchanged."""
        check_is_fitted(self)
        return np.array(self.columns_, dtype=object)

    def _matrices(self, X: pd.DataFrame) -> list[np.ndarray]:
        rows, columns = np.triu_indices(self.n_parcels_)
        values = X.to_numpy(dtype=float)
        gaps = ~np.isfinite(values).all(axis=1)
        if gaps.any():
            raise InputError(
                f"covariances of {listing(X.index[gaps])} have gaps",
                subjects=int(gaps.sum()),
                of=len(X),
                remedy="A covariance cannot be imputed cell by cell: leave these subjects out.",
            )
        matrices = np.empty((len(X), self.n_parcels_, self.n_parcels_))
        matrices[:, rows, columns] = values
        matrices[:, columns, rows] = values
        bad = np.array([not _is_positive_definite(matrix) for matrix in matrices])
        if bad.any():
            raise InputError(
                f"covariances of {listing(X.index[bad])} are not positive definite",
                subjects=int(bad.sum()),
                of=len(X),
                remedy="Use shrunk covariances (feature group covariance), or leave them out.",
            )
        return list(matrices)


def _is_positive_definite(matrix: np.ndarray) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


class _Given(BaseEstimator):
    """Estimator whose covariance is what it is given."""

    def fit(self, X: np.ndarray, y=None) -> _Given:
        """Keep `X`."""
        self.covariance_ = X
        return self
