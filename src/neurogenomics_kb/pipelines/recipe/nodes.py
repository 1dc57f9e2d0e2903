"""Node of the recipe pipeline."""

from __future__ import annotations

import logging

from neurogenomics_kb.registry import Experiment, Registry
from neurogenomics_kb.registry.overlap import seen_before
from neurogenomics_kb.registry.predictors import lacking_predictors
from neurogenomics_kb.registry.recipe import Recipe, resolve_recipe

logger = logging.getLogger(__name__)


def write_recipe(experiment: Experiment, cohort: str, registry: Registry) -> Recipe:
    """Cards of the experiment as one document, with their hashes.

    What an encoder or a score has seen before, and which predictors this machine lacks, is said at
    once: report and result card say it again, when the computing is done.
    """
    recipe = resolve_recipe(experiment, registry, cohort)
    if "prediction" in recipe.experiment.analyses:
        lacking = lacking_predictors(recipe.experiment, continuous=recipe.continuous)
        for name, reason in lacking.items():
            logger.warning("'%s' will be left out: %s", name, reason)
    for caution in seen_before(recipe):
        logger.warning(caution)
    return recipe
