"""Removal of site effects, learned from training subjects and applied to others."""

from neurogenomics_kb.stats.harmonization.combat import ComBat
from neurogenomics_kb.stats.harmonization.covbat import CovBat
from neurogenomics_kb.stats.harmonization.gam import ComBatGAM
from neurogenomics_kb.stats.harmonization.longitudinal import LongitudinalComBat

__all__ = ["ComBat", "ComBatGAM", "CovBat", "LongitudinalComBat"]
