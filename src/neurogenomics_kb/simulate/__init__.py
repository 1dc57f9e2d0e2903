"""Cohorts with a planted truth, in the formats that real cohorts arrive in."""

from neurogenomics_kb.simulate.cohort import SimulatedCohort, simulate_cohort
from neurogenomics_kb.simulate.settings import Effects, SimulationSettings

__all__ = ["Effects", "SimulatedCohort", "SimulationSettings", "simulate_cohort"]
