"""Vectors of clinical text and images that were made elsewhere."""

from neurogenomics_kb.pipelines.clinical.pipeline import create_pipeline

__all__ = ["create_pipeline"]
