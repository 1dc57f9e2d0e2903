"""Personal sequences, their embeddings and polygenic scores."""

from neurogenomics_kb.pipelines.genomics.pipeline import create_pipeline

__all__ = ["create_pipeline"]
