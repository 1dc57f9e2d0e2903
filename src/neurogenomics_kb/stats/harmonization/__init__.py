"""Removal of site effects, learned from training subjects and applied to others."""

from neurogenomics_kb.stats.harmonization.combat import ComBat

__all__ = ["ComBat"]
