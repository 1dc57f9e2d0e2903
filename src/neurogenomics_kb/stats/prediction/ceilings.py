"""How well an outcome can be predicted at best: what heritability or reliability allows."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats


def maximal_auc(share: float, prevalence: float) -> float:
    """AUC of a predictor that knows a share of the liability to a disease, and nothing else.

    With the heritability of liability as the share it is the ceiling of every genetic predictor.
    The predictor is taken as normal inside cases and inside controls, with the moments that the
    threshold gives it (Wray et al., PLoS Genetics 2010, equation 3; doi:10.1371/
    journal.pgen.1000864). Cases and controls may be sampled at any ratio.

    Parameters
    ----------
    share : float
        Share of the variance of liability, from 0 to 1.
    prevalence : float
        Of the disease in the population, between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a number lies outside its range.

    Examples
    --------
    >>> round(maximal_auc(0.09, 0.15), 2), round(maximal_auc(0.37, 0.15), 2)
    (0.65, 0.81)
    """
    refuse_outside("share", share, 0, 1, closed=True)
    refuse_outside("prevalence", prevalence, 0, 1)
    threshold = stats.norm.isf(prevalence)
    height = stats.norm.pdf(threshold)
    cases, controls = height / prevalence, -height / (1 - prevalence)
    spread = share * (
        (1 - share * cases * (cases - threshold)) + (1 - share * controls * (controls - threshold))
    )
    if spread <= 0:
        return 0.5 if share == 0 else 1.0
    return float(stats.norm.cdf((cases - controls) * share / np.sqrt(spread)))


def reliable_share(kappa: float, prevalence: float) -> float:
    """Share of liability that a diagnosis made twice has in common, from its kappa.

    Two raters see one liability, each with an error of their own, and call a case from the same
    threshold on: the correlation of what they see (tetrachoric) that gives this kappa.

    Parameters
    ----------
    kappa : float
        Cohen's kappa of two raters or occasions, from 0 to 1.
    prevalence : float
        Of the diagnosis where kappa was measured.

    Returns
    -------
    float

    Examples
    --------
    >>> round(reliable_share(0.5, 0.5), 3)  # sin(π/4) at a median split
    0.707
    """
    refuse_outside("kappa", kappa, 0, 1, closed=True)
    refuse_outside("prevalence", prevalence, 0, 1)
    if kappa in (0, 1):
        return float(kappa)
    threshold = stats.norm.isf(prevalence)

    def excess(share: float) -> float:
        both = stats.multivariate_normal.cdf(
            [-threshold, -threshold], mean=[0, 0], cov=[[1, share], [share, 1]]
        )
        return (both - prevalence**2) / (prevalence * (1 - prevalence)) - kappa

    return float(optimize.brentq(excess, 0.0, 1 - 1e-9, xtol=1e-6))


def reliable_auc(kappa: float, prevalence: float) -> float:
    """AUC of the true liability against a diagnosis of a reliability, which no marker exceeds.

    A predictor that does better shares the errors of who made the diagnosis.

    Parameters
    ----------
    kappa, prevalence : float
        As in `reliable_share`.

    Examples
    --------
    >>> round(reliable_auc(0.28, 0.15), 2)  # major depression, DSM-5 field trials
    0.86
    """
    return maximal_auc(reliable_share(kappa, prevalence), prevalence)


def maximal_r(share: float) -> float:
    """Largest correlation with a score of which a share of the variance can be known.

    Parameters
    ----------
    share : float
        Heritability for a genetic predictor, reliability for any.
    """
    refuse_outside("share", share, 0, 1, closed=True)
    return float(np.sqrt(share))


def refuse_outside(name: str, value: float, low: float, high: float, *, closed=False) -> None:
    """Refuse a number that no population can have.

    Raises
    ------
    ValueError
    """
    inside = low <= value <= high if closed else low < value < high
    if not inside:
        raise ValueError(f"{name} is {value}, and must lie between {low} and {high}")
