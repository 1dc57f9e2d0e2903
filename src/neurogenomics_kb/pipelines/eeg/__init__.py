"""Electroencephalography."""

from neurogenomics_kb.pipelines.eeg.pipeline import create_pipeline

__all__ = ["create_pipeline"]
