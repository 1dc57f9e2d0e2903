"""What twins of encoders cost, said before they are made."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from neurogenomics_kb.foundation.twins import SEED, twin_id

logger = logging.getLogger(__name__)


def is_twin(spec: Mapping[str, Any]) -> bool:
    """Whether a spec is that of an encoder with random weights."""
    return SEED in spec


def announce_twins(modality: str, specs: Mapping[str, Mapping[str, Any]], over: str) -> None:
    """Log how many passes the twins among some encoders add.

    Parameters
    ----------
    modality : str
        Of the pipeline.
    specs : mapping of str to mapping
        Encoders of the recipe.
    over : str
        What each of them goes over, with its number (``400 subjects``).
    """
    twins = [name for name, spec in specs.items() if is_twin(spec)]
    if twins:
        logger.info(
            "%s: rivals: %d twins with random weights each go over %s once more, at the price of "
            "their encoder; `rivals: false` in the experiment leaves them out, `rivals: {seeds: 1}`"
            " makes one",
            modality, len(twins), over,
        )  # fmt: skip


def expect_twins(
    modality: str, encoder: str, specs: Mapping[str, Mapping[str, Any]], seconds: float
) -> None:
    """Log what the twins of an encoder will take, from what it took itself.

    Parameters
    ----------
    modality : str
        Of the pipeline.
    encoder : str
        It has just gone over everything.
    specs : mapping of str to mapping
        Encoders of the recipe.
    seconds : float
        What it took.
    """
    own = [s for name, s in specs.items() if is_twin(s) and name == twin_id(encoder, s[SEED])]
    if own:
        logger.info(
            "%s: %s took %.1f s, so its %d twins take about %.0f s",
            modality, encoder, seconds, len(own), len(own) * seconds,
        )  # fmt: skip
