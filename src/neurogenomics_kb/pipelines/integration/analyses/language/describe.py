"""Describe axes by concepts and compare blocks with the texts of their units."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.language.encoder import TextEncoder, load_text_encoder
from neurogenomics_kb.pipelines.integration.analyses.language.tables import (
    AXES,
    OVER_AXES,
    OVER_SPACES,
    SPACES,
)
from neurogenomics_kb.pipelines.integration.analyses.language.units import (
    Found,
    adjusted_features,
    axis_loadings,
    count_lost,
    similarity,
    strengths,
    units_with_texts,
)
from neurogenomics_kb.registry.cards.texts import Text
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.inference.permutation import interval_of_p_value
from neurogenomics_kb.stats.inference.text_alignment import (
    MIN_UNITS,
    AxisDescription,
    describe_axis,
    space_alignment,
)

logger = logging.getLogger(__name__)
LIKENESS, RETRIEVAL = "likeness", "retrieval"


@dataclass
class _Bridge:
    """A bridge with its encoder, and vectors of texts that were embedded."""

    name: str
    encoder_id: str
    encoder: TextEncoder
    known: dict[str, np.ndarray] = field(default_factory=dict)

    def vectors(self, texts: Mapping[str, Text], names: list[str]) -> np.ndarray:
        """Vectors of texts by name; each text is embedded once."""
        words = [texts[name].text for name in names]
        new = [word for word in dict.fromkeys(words) if word not in self.known]
        if new:
            self.known |= dict(zip(new, self.encoder.embed(new), strict=True))
        return np.array([self.known[word] for word in words])

    @property
    def columns(self) -> dict[str, str]:
        """Columns of both tables."""
        return {
            "bridge": self.name,
            "encoder": self.encoder_id,
            "weights": self.encoder.weights_fingerprint,
        }


def describe(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], found: Found
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every axis and block that a bridge of the experiment has texts for.

    What cannot be told (no weights, too few units with a text) is a row with the reason, and the
    run goes on.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    blocks : dict of str to DataFrame
        Raw features of every block.
    found : Found
        What the canonical correlation gave.

    Returns
    -------
    axes, spaces : DataFrame
        `AXES` and `SPACES`.
    """
    axes: list[pd.DataFrame] = []
    spaces: list[dict] = []
    for name, card in recipe.bridges.items():
        encoder_id = card.bridge.encoder
        try:
            encoder = load_text_encoder(recipe.bridge_encoders[encoder_id])
        except InputError as error:
            spaces.append(_not_told(name, encoder_id, "", "", str(error)))
            continue
        bridge = _Bridge(name, encoder_id, encoder)
        for block, raw in blocks.items():
            if card.inputs and recipe.blocks[block].id not in card.inputs:
                continue
            texts, concepts = texts_of(recipe, name, block)
            try:
                _check_units(block, raw, texts)
                adjusted = adjusted_features(recipe, block, raw, cohort)
                axes += _axes(recipe, bridge, block, adjusted, found, texts, concepts)
                spaces += _spaces(recipe, bridge, block, raw, adjusted, texts)
            except InputError as error:
                weights = encoder.weights_fingerprint
                spaces.append(_not_told(name, encoder_id, weights, block, str(error)))
    return _axes_table(axes), _spaces_table(spaces)


def texts_of(recipe: Recipe, bridge: str, block: str) -> tuple[dict[str, Text], dict[str, Text]]:
    """Texts and concepts for a block, by its modality; the first set with a name counts.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    bridge, block : str
        Alignment card and block.
    """
    texts: dict[str, Text] = {}
    concepts: dict[str, Text] = {}
    for name in recipe.bridges[bridge].bridge.texts:
        card = recipe.bridge_texts[name]
        if recipe.blocks[block].modality in card.modalities:
            texts = {**card.texts, **texts}
            concepts = {**card.concepts, **concepts}
    return texts, concepts


def _check_units(block: str, raw: pd.DataFrame, texts: Mapping[str, Text]) -> None:
    """Refuse a block of which too few units have a text."""
    known = len(units_with_texts(raw.columns, texts))
    if known < MIN_UNITS:
        raise InputError(
            f"block '{block}': {known} of its units have a text, {MIN_UNITS} are needed",
            remedy="Name a text set of its units on the alignment card.",
        )


def _not_told(bridge: str, encoder: str, weights: str, block: str, why: str) -> dict:
    """Row of `SPACES` that says why nothing is told."""
    logger.warning("language: not told: %s: %s", bridge, why)
    return {
        "bridge": bridge, "encoder": encoder, "weights": weights, "block": block, "measure": "",
        "vectors": "", "adjustment": "", "note": why,
    }  # fmt: skip


def _axes(
    recipe: Recipe,
    bridge: _Bridge,
    block: str,
    adjusted: pd.DataFrame,
    found: Found,
    texts: Mapping[str, Text],
    concepts: Mapping[str, Text],
) -> list[pd.DataFrame]:
    """Concepts of every axis that the block has a side of."""
    out = []
    for x, y, component in found.components.itertuples(index=False):
        side = {x: "x", y: "y"}.get(block)
        if side is None:
            continue
        loadings = axis_loadings(found, (x, y, component, side), block, adjusted)
        units = units_with_texts(loadings.index, texts)
        told = describe_axis(
            strengths(loadings, units),
            bridge.vectors(texts, list(units)),
            bridge.vectors(concepts, list(concepts)),
            groups=groups_of(texts, list(units)),
            n_permutations=recipe.experiment.n_permutations,
            random_state=recipe.experiment.seed,
        )
        shared = {
            **bridge.columns, "x": x, "y": y, "component": component, "side": side, "block": block,
            "n_units": len(units), "n_lost": count_lost(loadings.index, texts),
        }  # fmt: skip
        rows = concept_rows(told, list(concepts), recipe.experiment.n_permutations)
        out.append(rows.assign(**shared))
    return out


def groups_of(texts: Mapping[str, Text], units: list[str]) -> np.ndarray | None:
    """Groups of the units as their texts name them; None where they name none.

    Parameters
    ----------
    texts : mapping of str to Text
        Texts by unit.
    units : list of str
        Units of the axis.
    """
    if not any(texts[unit].group for unit in units):
        return None
    return np.array([texts[unit].group or unit for unit in units])


def concept_rows(told: AxisDescription, concepts: list[str], n_permutations: int) -> pd.DataFrame:
    """Concepts of one axis, the best first.

    Parameters
    ----------
    told : AxisDescription
        Statistics and p-values of the concepts.
    concepts : list of str
        Names of the concepts.
    n_permutations : int
        Permutations behind the p-values.
    """
    low, high = interval_of_p_value(told.p_adjusted, n_permutations)
    table = pd.DataFrame(
        {
            "concept": concepts,
            "statistic": told.statistics,
            "p_raw": told.p_values,
            "p_concepts": told.p_adjusted,
            "p_concepts_low": low,
            "p_concepts_high": high,
            "p_within": told.p_within,
            "n_permutations": n_permutations,
        }
    ).iloc[told.order]
    return table.assign(rank=np.arange(1, len(table) + 1))


def _spaces(
    recipe: Recipe,
    bridge: _Bridge,
    block: str,
    raw: pd.DataFrame,
    adjusted: pd.DataFrame,
    texts: Mapping[str, Text],
) -> list[dict]:
    """Both comparisons of a block with the texts of its units."""
    n_permutations = recipe.experiment.n_permutations
    K, units, vectors = similarity(raw, adjusted, texts)
    told = space_alignment(
        K,
        bridge.vectors(texts, units),
        groups=groups_of(texts, units),
        n_permutations=n_permutations,
        random_state=recipe.experiment.seed,
    )
    shared = {
        **bridge.columns, "block": block, "vectors": vectors, "n_units": told.n_units,
        "n_lost": count_lost(raw.columns, texts), "n_permutations": n_permutations,
        "adjustment": OVER_SPACES, "note": "",
    }  # fmt: skip
    rows = []
    for measure, statistic, chance, p, within in (
        (LIKENESS, told.likeness, told.likeness_null, told.likeness_p, told.likeness_within),
        (RETRIEVAL, told.rank, told.rank_null, told.rank_p, told.rank_within),
    ):
        claimed = within if np.isfinite(within) else p
        low, high = interval_of_p_value(np.array([claimed]), n_permutations)
        row = {"measure": measure, "statistic": statistic, "chance": chance, "p_raw": p,
               "p_within": within, "p_claimed": claimed, "p_claimed_low": low[0],
               "p_claimed_high": high[0]}  # fmt: skip
        if measure == RETRIEVAL:
            row |= {"recall": told.recall, "recall_chance": told.nearest / told.n_units}
        rows.append({**shared, **row})
    return rows


def _axes_table(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Axes below one another, the first concept of each adjusted over the axes."""
    if not parts:
        return AXES.empty()
    table = pd.concat(parts, ignore_index=True)
    table["p_adjusted"], table["adjustment"] = np.nan, ""
    first = table["rank"] == 1
    table.loc[first, "p_adjusted"] = adjust(table.loc[first, "p_concepts"], "holm")
    table.loc[first, "adjustment"] = OVER_AXES
    return table[list(AXES.names)]


def _spaces_table(rows: list[dict]) -> pd.DataFrame:
    """Blocks below one another, adjusted over all."""
    table = pd.DataFrame(rows, columns=list(SPACES.names))
    whole = ["n_units", "n_lost", "n_permutations"]
    numbers = [c.name for c in SPACES.columns if c.kind == "number"]
    table = table.astype(dict.fromkeys([*numbers, *whole], float))
    tested = table["p_claimed"].notna()
    table.loc[tested, "p_adjusted"] = adjust(table.loc[tested, "p_claimed"], "holm")
    return table
