"""Adjustment of volumes and areas for head size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import parse_feature_name
from neurogenomics_kb.stats.confounds import ConfoundRegressor, refuse_missing

# A volume grows with the head's volume, an area with its power 2/3 (isometry).
POWERS = {"volume": 1.0, "area": 2 / 3}


class HeadSizeAdjuster(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Take head size out of volumes and areas; everything else passes as it is.

    Cortical thickness hardly depends on the size of the brain (Jäncke et al., NeuroReport 2019)
    and is never divided by it. What a feature measures is the last word of its group: ``volume`` in
    ``smri__aseg_volume__…``, ``area`` in ``smri__dkt_area__…``.

    Parameters
    ----------
    method : {"proportion", "residual", "none"}
        ``proportion`` divides by (eTIV / mean training eTIV) to the measure's power, so that units
        stay; ``residual`` takes the regression on eTIV out, estimated on training subjects
        (O'Brien et al., Psychiatry Research: Neuroimaging 2011, 193:113–122, compare the two; Opfer
        et al., Neuroradiology 2022, 64:2001–2009, found that proportions turn the correlation with
        eTIV round and prefer residuals); ``none`` drops the eTIV column and leaves the features.
    powers : mapping of str to float
        Measures that are adjusted and, for ``proportion``, the power of eTIV that each is divided
        by (power-proportion, Liu et al., Frontiers in Neuroscience 2014, 8:356). The default is
        isometry; regions scale with powers of their own (Reardon et al., Science 2018,
        360:1222–1227).
    etiv : str
        Column of the estimated total intracranial volume.

    Attributes
    ----------
    adjusted_ : list
        Names of the features that are adjusted.
    mean_ : float
        Mean eTIV of the training subjects.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"smri__volume__a": [9.0, 11], "smri__thickness__a": [2.0, 3], "etiv": [0.9, 1.1]}
    ... )
    >>> HeadSizeAdjuster("proportion").fit_transform(frame)
       smri__volume__a  smri__thickness__a
    0             10.0                 2.0
    1             10.0                 3.0
    """

    def __init__(
        self,
        method: Literal["proportion", "residual", "none"] = "residual",
        *,
        powers: Mapping[str, float] = POWERS,
        etiv: str = "etiv",
    ) -> None:
        self.method = method
        self.powers = powers
        self.etiv = etiv

    def fit(self, X: pd.DataFrame, y=None) -> HeadSizeAdjuster:
        """Learn the mean eTIV or the regression on it from the rows of `X`."""
        refuse_unknown("method", self.method, ("proportion", "residual", "none"))
        self.features_ = [c for c in X.columns if c != self.etiv]
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        if self.method == "none":
            self.adjusted_ = []
            return self
        head = self._head(X)
        measures = {c: measure_of(c) for c in self.features_}
        self.adjusted_ = [c for c in self.features_ if measures[c] in self.powers]
        if not self.adjusted_:
            raise InputError(
                f"the step etiv finds no {' or '.join(self.powers)} among "
                f"{len(self.features_)} features, first '{self.features_[0]}'",
                column=self.etiv,
                remedy="Take the step off the strategy card, or add groups that head size affects.",
            )
        self.mean_ = float(head.mean())
        self.power_ = np.array([self.powers[measures[c]] for c in self.adjusted_])
        if self.method == "residual":
            self.regressor_ = ConfoundRegressor([self.etiv]).fit(X[[*self.adjusted_, self.etiv]])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """All features (n_subjects, n_features), without the eTIV column."""
        check_is_fitted(self)
        out = X[self.features_].astype(float)
        if self.method == "proportion":
            relative = self._head(X).to_numpy()[:, None] / self.mean_
            out[self.adjusted_] = out[self.adjusted_] / relative**self.power_
        elif self.method == "residual":
            self._head(X)
            out[self.adjusted_] = self.regressor_.transform(X[[*self.adjusted_, self.etiv]])
        return out

    def _head(self, X: pd.DataFrame) -> pd.Series:
        if self.etiv not in X:
            raise InputError(
                "the estimated total intracranial volume is missing",
                column=self.etiv,
                remedy="Supply a FreeSurfer table with eTIV, or take the step off the strategy "
                "card.",
            )
        head = X[self.etiv].astype(float)
        refuse_missing(head, self.etiv)
        if not (head > 0).all():
            raise InputError(
                f"the estimated total intracranial volume is not positive, first {head.min():g}",
                column=self.etiv,
                subjects=int((~(head > 0)).sum()),
                of=len(head),
                remedy="Correct it, or leave these subjects out.",
            )
        return head

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the features."""
        check_is_fitted(self)
        return np.array(self.features_, dtype=object)


def measure_of(column: str) -> str:
    """What a feature measures: the last word of its group."""
    try:
        return parse_feature_name(column).group.rsplit("_", 1)[-1]
    except ValueError:
        return ""
