"""Association of one axis with an outcome, covariates taken into account."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

from neurogenomics_kb.stats.residual_space import independent_design

# A standardised predictor with |log odds ratio| above this separates the classes in practice.
SEPARATION_LIMIT = 12.0


@dataclass(frozen=True)
class Association:
    """Effect of an axis, with its interval.

    Attributes
    ----------
    effect : float
        Odds ratio per standard deviation, or partial correlation.
    ci : tuple of float
    p_value : float
        NaN where the test cannot be made; `note` says why.
    df : int
        Residual degrees of freedom.
    n : int
    note : str
    """

    effect: float
    ci: tuple[float, float]
    p_value: float
    df: int
    n: int
    note: str = ""


def odds_ratio(
    axis: np.ndarray, outcome: np.ndarray, covariates: np.ndarray | None = None, *, confidence=0.95
) -> Association:
    """Odds ratio per standard deviation of the axis, adjusted for covariates.

    Logistic regression with a Wald interval and likelihood-ratio p-value. Separation is reported,
    not printed as a huge odds ratio.

    Parameters
    ----------
    axis : ndarray (n,)
    outcome : ndarray (n,)
        0/1.
    covariates : ndarray (n, r), optional
    confidence : float

    Returns
    -------
    Association
    """
    n = len(axis)
    design = independent_design(covariates, n)
    design = np.column_stack([design[:, :1], design[:, 1:] * np.sqrt(n)])
    spread = axis.std()
    df = n - design.shape[1] - 1
    if spread < 1e-12:
        return Association(np.nan, (np.nan, np.nan), np.nan, df, n, "the axis is constant")
    standard = (axis - axis.mean()) / spread
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model = Logit(outcome, np.column_stack([standard, design])).fit(disp=False, maxiter=200)
            base = Logit(outcome, design).fit(disp=False, maxiter=200)
        except (PerfectSeparationWarning, ConvergenceWarning, np.linalg.LinAlgError):
            model = None
    if model is None or np.abs(model.params).max() > SEPARATION_LIMIT:
        return Association(
            np.nan,
            (np.nan, np.nan),
            np.nan,
            df,
            n,
            "separation: axis or covariates determine the outcome, no finite odds ratio exists",
        )
    half = stats.norm.ppf(0.5 + confidence / 2) * model.bse[0]
    beta = model.params[0]
    p = float(stats.chi2.sf(max(0.0, 2 * (model.llf - base.llf)), 1))
    return Association(
        float(np.exp(beta)), (float(np.exp(beta - half)), float(np.exp(beta + half))), p, df, n
    )


def partial_correlation(
    axis: np.ndarray,
    outcome: np.ndarray,
    covariates: np.ndarray | None = None,
    *,
    method: str = "pearson",
    confidence: float = 0.95,
) -> Association:
    """Correlation of axis and outcome after regressing covariates out of both.

    Degrees of freedom are n − 2 minus the rank of the covariates. For ``"spearman"`` all variables
    are ranked first.

    Parameters
    ----------
    axis, outcome : ndarray (n,)
    covariates : ndarray (n, r), optional
    method : {"pearson", "spearman"}
    confidence : float

    Returns
    -------
    Association
    """
    n = len(axis)
    if method == "spearman":
        axis, outcome = stats.rankdata(axis), stats.rankdata(outcome)
        covariates = None if covariates is None else stats.rankdata(covariates, axis=0)
    design = independent_design(covariates, n)
    df = n - 2 - (design.shape[1] - 1)
    if df < 1:
        return Association(
            np.nan, (np.nan, np.nan), np.nan, df, n, "no degrees of freedom are left"
        )
    both = np.column_stack([axis, outcome]).astype(float)
    residuals = both - design @ np.linalg.lstsq(design, both, rcond=None)[0]
    norms = np.linalg.norm(residuals, axis=0)
    if norms.min() < 1e-10 * np.linalg.norm(both - both.mean(axis=0)):
        return Association(
            np.nan, (np.nan, np.nan), np.nan, df, n, "nothing varies once covariates are removed"
        )
    r = float(np.clip(residuals[:, 0] @ residuals[:, 1] / norms.prod(), -1, 1))
    t = r * np.sqrt(df / max(1 - r**2, 1e-300))
    half = stats.norm.ppf(0.5 + confidence / 2) / np.sqrt(max(df - 1, 1))
    low, high = np.tanh(np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15)) + np.array([-half, half]))
    return Association(r, (float(low), float(high)), float(2 * stats.t.sf(abs(t), df)), df, n)
