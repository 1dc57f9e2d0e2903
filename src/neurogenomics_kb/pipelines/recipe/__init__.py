"""Turn the experiment's card ids into the recipe that runs."""

from neurogenomics_kb.pipelines.recipe.pipeline import create_pipeline

__all__ = ["create_pipeline"]
