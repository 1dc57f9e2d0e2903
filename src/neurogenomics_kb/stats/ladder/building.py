"""Rungs from the options of a card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurogenomics_kb.stats.ladder.concatenated import Concatenated
from neurogenomics_kb.stats.ladder.inputs import Rung
from neurogenomics_kb.stats.ladder.stacking import Ensemble

Predictors = Callable[[str], Any]


def build_predictor(options, *, continuous: bool, seed: int, predictor: Predictors) -> Rung:
    """One predictor on all blocks side by side."""
    return Concatenated(predictor(options.predictor), continuous=continuous)


def build_stacking(options, *, continuous: bool, seed: int, predictor: Predictors) -> Rung:
    """Several learners per block and a second level."""
    return Ensemble(
        {name: predictor(name) for name in options.bases},
        meta=options.meta,
        concatenation=options.concatenation,
        continuous=continuous,
        random_state=seed,
    )


def build_two_towers(options, *, continuous: bool, seed: int, predictor: Predictors) -> Rung:
    """Contrastive projectors; PyTorch is imported when they are wanted."""
    from neurogenomics_kb.stats.ladder.two_towers import TwoTowers

    return TwoTowers(continuous=continuous, random_state=seed, **_settings(options))


def build_hub_tokens(options, *, continuous: bool, seed: int, predictor: Predictors) -> Rung:
    """Hub tokens; PyTorch is imported when they are wanted."""
    from neurogenomics_kb.stats.ladder.hub_tokens import HubTokens

    return HubTokens(continuous=continuous, random_state=seed, **_settings(options))


def build_pooled_tokens(options, *, continuous: bool, seed: int, predictor: Predictors) -> Rung:
    """Pooled tokens and a linear model."""
    from neurogenomics_kb.stats.ladder.pooled_tokens import PooledTokens

    return PooledTokens(continuous=continuous)


def _settings(options) -> dict[str, Any]:
    """Options but for the name of the type."""
    return options.model_dump(exclude={"type"})
