"""How well an outcome can be predicted at best: what heritability or reliability allows."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

# Standard deviations and points of the integral over what is known of the liability.
REACH, POINTS = 9.0, 4001


def maximal_auc(share: float, prevalence: float) -> float:
    """AUC of a predictor that knows a share of the liability to a disease, and nothing else.

    With the heritability of liability as the share it is the ceiling of every genetic predictor
    (Wray et al., PLoS Genetics 2010; doi:10.1371/journal.pgen.1000864). Their formula takes the
    predictor as normal inside cases and inside controls; here it is integrated, since at a high
    share the formula lies up to 0.03 below. Cases and controls may be sampled at any ratio.

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
    if share in (0, 1):
        return 0.5 if share == 0 else 1.0
    threshold = stats.norm.isf(prevalence)
    known = np.linspace(-REACH, REACH, POINTS)
    risk = stats.norm.sf((threshold - np.sqrt(share) * known) / np.sqrt(1 - share))
    cases, controls = stats.norm.pdf(known) * risk, stats.norm.pdf(known) * (1 - risk)
    below = np.cumsum(controls) - controls / 2
    return float(cases @ below / (cases.sum() * controls.sum()))


def normal_auc(share: float, prevalence: float) -> float:
    """The formula of Wray et al. for `maximal_auc`, to compare published ceilings with.

    Parameters
    ----------
    share, prevalence : float
        As in `maximal_auc`.

    Examples
    --------
    >>> round(normal_auc(0.37, 0.15), 2)
    0.81
    """
    threshold = stats.norm.isf(prevalence)
    height = stats.norm.pdf(threshold)
    cases, controls = height / prevalence, -height / (1 - prevalence)
    spread = share * (
        (1 - share * cases * (cases - threshold)) + (1 - share * controls * (controls - threshold))
    )
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
