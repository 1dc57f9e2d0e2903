"""Cautions that hold for a recipe whatever the run found."""

from __future__ import annotations

from neurogenomics_kb.registry.overlap import seen_before
from neurogenomics_kb.registry.recipe import Recipe


def general_cautions(recipe: Recipe) -> list[str]:
    """What a reader must see: who was seen before by encoders and scores, how sites were handled.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    """
    found = seen_before(recipe)
    if "site" in recipe.columns and recipe.experiment.folds.scheme != "leave_site_out":
        handled = [n for n, s in recipe.blocks.items() if "site" in s.confounds]
        found.append(
            "Sites are in training and test folds alike; "
            + (
                f"site is a confound of {', '.join(handled)}."
                if handled
                else "site is not adjusted for."
            )
        )
    return found
