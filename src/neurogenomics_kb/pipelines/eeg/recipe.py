"""What the recipe's strategy cards ask of the EEG pipeline."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.brain.eeg.channels import standard_montage
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.eeg.parameters import (
    CleaningParameters,
    MeasureParameters,
    RecordingParameters,
)
from neurogenomics_kb.registry.recipe import Recipe


def segment_encoders(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Specs of the segment encoders of the recipe's EEG blocks and their rivals, by model card."""
    named = {s.encoder for s in recipe.strategies.values() if s.modality == "eeg"}
    return {name: recipe.encoders[name] for name in sorted(named - {None})}


def check_parameters(
    recipe: Recipe,
    recording: RecordingParameters,
    cleaning: CleaningParameters,
    measures: MeasureParameters,
) -> None:
    """Refuse parameters that contradict each other or the strategy cards.

    Raises
    ------
    InputError
        If MNE lacks the montage, a band is not in the filter's, or a card's segments have another
        length.
    """
    if recording.montage != "auto":
        standard_montage(recording.montage)
    ranges = {**measures.bands, "aperiodic_band": measures.aperiodic_band}
    for name, (low, high) in ranges.items():
        if high > cleaning.low_pass or low < cleaning.high_pass:
            raise InputError(
                f"{name} is {low:g} to {high:g} Hz, and the filter keeps {cleaning.high_pass:g} to "
                f"{cleaning.low_pass:g} Hz",
                column="eeg.measures",
                remedy="Change the band or eeg.cleaning.",
            )
    for block, strategy in recipe.blocks.items():
        for level in strategy.levels if strategy.modality == "eeg" else []:
            seconds = level.seconds
            if level.level == "segment" and seconds not in (None, cleaning.segment_seconds):
                raise InputError(
                    f"block '{block}' has segments of {seconds:g} s on its card and "
                    f"{cleaning.segment_seconds:g} s in the parameters",
                    column="eeg.cleaning.segment_seconds",
                    remedy="Set the card's length, or write another card.",
                )
