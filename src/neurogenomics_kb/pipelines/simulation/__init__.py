"""Write a cohort with a planted truth."""

from neurogenomics_kb.pipelines.simulation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
