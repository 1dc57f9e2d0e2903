"""FreeSurfer morphometry."""

from neurogenomics_kb.pipelines.smri.pipeline import create_pipeline

__all__ = ["create_pipeline"]
