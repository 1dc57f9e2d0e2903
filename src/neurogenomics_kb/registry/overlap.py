"""Whose people an encoder or a score has seen before, and what follows for a run."""

from __future__ import annotations

import re

from neurogenomics_kb.registry.recipe import Recipe

# Spellings of cohorts that people write; other names are compared as they stand.
SPELLINGS = {"ukbiobank": "ukb", "ukbb": "ukb", "humanconnectomeproject": "hcp"}


def cohort_key(name: str) -> str:
    """A cohort's name without case, separators and known other spellings."""
    bare = re.sub(r"[\W_]+", "", name).lower()
    return SPELLINGS.get(bare, bare)


def seen_before(recipe: Recipe) -> list[str]:
    """Cautions for blocks whose encoder or scores were made with this cohort, or may have been.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.

    Returns
    -------
    list of str
        A sentence per block: for encoders that were trained on the cohort of the run (or on one
        that its dataset card is `drawn_from`), for encoders whose training data are unknown, and
        for polygenic scores with their discovery sample.
    """
    return [*pretraining_warnings(recipe), *discovery_warnings(recipe)]


def pretraining_warnings(recipe: Recipe) -> list[str]:
    """Cautions for encoders that have seen the people of the run, or may have."""
    names = [recipe.cohort, recipe.dataset.cohort or "", *recipe.dataset.drawn_from]
    own = {cohort_key(name) for name in names} - {""}
    found = []
    for name, strategy in recipe.blocks.items():
        trained = recipe.pretraining.get(strategy.encoder or "")
        if trained is None:
            continue
        told = f"Block '{name}' is embedded by '{strategy.encoder}', "
        if not trained.known:
            found.append(
                f"{told}whose pretraining cohorts are not known ({trained.reason.strip()}). If "
                "this cohort was among them, nobody here is held out for it and every model with "
                "this block is inflated."
            )
            continue
        shared = [c for c in trained.cohorts if cohort_key(c) in own]
        if shared:
            found.append(
                f"{told}which was pretrained on {', '.join(trained.cohorts)}. This run's people "
                f"belong to {', '.join(shared)}, so nobody here is held out for it and every model "
                "with this block may be inflated."
            )
    return found


def discovery_warnings(recipe: Recipe) -> list[str]:
    """Cautions for polygenic scores, with their discovery sample."""
    return [
        f"Block '{name}' holds polygenic scores; discovery sample: "
        f"{strategy.discovery_sample or 'not stated on the card'}. If it included this "
        "cohort, every model with this block is inflated."
        for name, strategy in recipe.blocks.items()
        if "pgs" in strategy.groups
    ]
