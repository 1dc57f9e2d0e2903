"""Rivals of blocks that encoders make: what a model must add to before it earns its place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from neurogenomics_kb.registry.cards.base import StrategyId, Strict
from neurogenomics_kb.registry.cards.strategies import EmbeddingStrategy


class RivalSettings(Strict):
    """How blocks from encoders are compared with their rivals.

    Parameters
    ----------
    seeds : int
        Twins with random weights of each encoder that has weights. Default 3; each costs as much
        as the encoder.
    algorithms : {"first", "all"}
        Predictors of the experiment that are compared.
    rivals : list of str, optional
        Embedding strategies in place of the usual ones of their modality
        (`neurogenomics_kb.registry.rivals.USUAL`).
    """

    seeds: Annotated[int, Field(ge=0, le=20)] = 3
    algorithms: Literal["first", "all"] = "first"
    rivals: list[StrategyId] | None = None


class Rival(Strict):
    """One rival of one block, in a run.

    Parameters
    ----------
    of : str
        Block of the experiment.
    kind : {"rival", "twin"}
        Cheaper features of the same modality, or the block's encoder with random weights.
    strategy : EmbeddingStrategy
        How its features are made; adjusted for the confounds that the block is adjusted for.
    seed : int, optional
        Of a twin.
    """

    of: str
    kind: Literal["rival", "twin"]
    strategy: EmbeddingStrategy
    seed: int | None = None
