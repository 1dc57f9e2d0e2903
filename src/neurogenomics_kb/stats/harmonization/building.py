"""Harmonizers from harmonization cards, one function per method.

Cards are read by their fields; which there are, and which builder is whose, stands in
``registry.cards.harmonization``.
"""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.stats.harmonization.combat import ComBat
from neurogenomics_kb.stats.harmonization.covbat import CovBat
from neurogenomics_kb.stats.harmonization.gam import ComBatGAM
from neurogenomics_kb.stats.harmonization.longitudinal import LongitudinalComBat
from neurogenomics_kb.stats.harmonization.unlearning import SiteUnlearning

FAMILY = (
    "batch", "preserve", "parametric", "unseen", "mean_only", "reference", "empirical_bayes",
    "fit_on",
)  # fmt: skip


def of_family(card) -> dict[str, Any]:
    """Settings that every kind of ComBat has."""
    return {name: getattr(card, name) for name in FAMILY}


def build_combat(card) -> ComBat:
    """Empirical-Bayes removal of each site's shift and scale."""
    return ComBat(**of_family(card))


def build_combat_gam(card) -> ComBatGAM:
    """ComBat that keeps the effect of some covariates as a curve."""
    return ComBatGAM(
        **of_family(card),
        smooth=card.smooth,
        df=card.spline_df,
        penalty=card.penalty,
        extrapolation=card.extrapolation,
    )


def build_covbat(card) -> CovBat:
    """ComBat, then ComBat of principal components."""
    return CovBat(**of_family(card), variance_kept=card.variance_kept)


def build_longitudinal_combat(card) -> LongitudinalComBat:
    """ComBat with a random intercept per subject."""
    return LongitudinalComBat(
        **of_family(card), subject=card.subject, new_subjects=card.new_subjects
    )


def build_unlearning(card) -> SiteUnlearning:
    """A trained head on embeddings that tells little of the site."""
    return SiteUnlearning(
        batch=card.batch,
        preserve=card.preserve,
        unseen=card.unseen,
        dim=card.dim,
        hidden=card.hidden,
        epochs=card.epochs,
        reconstruction=card.reconstruction,
        seed=card.seed,
    )


def build_nothing(card) -> None:
    """Nothing is fitted in folds: no harmonization, or one that was done before."""
    return
