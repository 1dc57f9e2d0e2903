"""Removal of site effects, learned from training subjects and applied to others."""

from neurogenomics_kb.stats.harmonization.combat import ComBat
from neurogenomics_kb.stats.harmonization.covbat import CovBat
from neurogenomics_kb.stats.harmonization.effects import harmonization_effects
from neurogenomics_kb.stats.harmonization.gam import ComBatGAM
from neurogenomics_kb.stats.harmonization.longitudinal import LongitudinalComBat
from neurogenomics_kb.stats.harmonization.unlearning import SiteUnlearning

__all__ = [
    "ComBat",
    "ComBatGAM",
    "CovBat",
    "LongitudinalComBat",
    "SiteUnlearning",
    "harmonization_effects",
]
