"""Figures, one self-contained HTML report, and the result card."""

from neurogenomics_kb.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
