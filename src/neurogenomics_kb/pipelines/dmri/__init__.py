"""Diffusion MRI."""

from neurogenomics_kb.pipelines.dmri.pipeline import create_pipeline

__all__ = ["create_pipeline"]
