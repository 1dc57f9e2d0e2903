"""Node of the recipe pipeline."""

from __future__ import annotations

from neurogenomics_kb.registry import Experiment, Registry
from neurogenomics_kb.registry.recipe import Recipe, resolve_recipe


def write_recipe(experiment: Experiment, cohort: str, registry: Registry) -> Recipe:
    """Cards of the experiment as one document, with their hashes."""
    return resolve_recipe(experiment, registry, cohort)
