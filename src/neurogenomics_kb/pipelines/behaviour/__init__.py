"""Questionnaires and tests."""

from neurogenomics_kb.pipelines.behaviour.pipeline import create_pipeline

__all__ = ["create_pipeline"]
