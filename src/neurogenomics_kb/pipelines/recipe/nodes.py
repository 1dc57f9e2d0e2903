"""Node of the recipe pipeline."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.registry import Experiment, Registry
from neurogenomics_kb.registry.recipe import resolve_recipe


def write_recipe(experiment: Experiment, cohort: str, registry: Registry) -> dict[str, Any]:
    """Cards of the experiment as one document, with their hashes."""
    return resolve_recipe(experiment, registry, cohort).model_dump(mode="json")
