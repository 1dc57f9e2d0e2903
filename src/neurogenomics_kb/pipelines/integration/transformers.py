"""Strategy cards as scikit-learn pipelines."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.pipeline import Pipeline

from neurogenomics_kb.foundation.naming import SEPARATOR, feature_name, parse_feature_name
from neurogenomics_kb.registry.cards import EmbeddingStrategy, HarmonizationMethod
from neurogenomics_kb.registry.cards.harmonization import HARMONIZERS
from neurogenomics_kb.registry.cards.parts import StepOptions
from neurogenomics_kb.registry.cards.strategies import PROJECTORS, STEPS
from neurogenomics_kb.registry.recipe import Recipe, harmonized_blocks
from neurogenomics_kb.stats.transformers.building import build_norms
from neurogenomics_kb.stats.transformers.carry import CarryColumns, DropColumns
from neurogenomics_kb.stats.transformers.filters import DropNearConstant
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators

__all__ = [
    "as_features",
    "build_harmonizer",
    "build_norms",
    "build_step",
    "build_transformer",
    "harmonize",
    "is_regression",
    "projector",
]


def build_transformer(
    recipe: Recipe,
    block: str,
    available: Iterable[str],
    *,
    residualize: bool = True,
    project: bool = True,
) -> Pipeline:
    """Scikit-learn pipeline that a block's strategy card describes.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    block : str
        Block name.
    available : iterable of str
        Covariate columns that travel beside the features.
    residualize : bool
        Leave the residualize steps out to compare with and without them, or where the confounds
        are handled by the permutation test itself.
    project : bool
        Leave the projector out where features are needed; a factor analysis then completes their
        gaps, which it takes in its stride and other readers do not.

    Returns
    -------
    Pipeline
        Takes features and covariates as one DataFrame, returns the block.
    """
    strategy = recipe.blocks[block]
    carried = list(available)
    harmonization = recipe.harmonization if block in harmonized_blocks(recipe) else None
    if harmonization is not None and not harmonization.in_folds:
        harmonization = None  # done before; its manifest is checked by a node
    drop_constant = ("drop_constant", CarryColumns(DropNearConstant(1), carried))
    # A covariance without its constant cells is no matrix any more.
    whole = any(step.reads_whole for step in strategy.preprocessing)
    steps = [] if whole else [drop_constant]
    if getattr(strategy.projector, "missing_indicators", False):
        steps.append(("missing_indicators", CarryColumns(MissingIndicators(), carried)))
    for number, step in enumerate(strategy.preprocessing):
        if step.scales and harmonization is not None:
            steps.append(harmonize(harmonization, carried))
            harmonization = None
        if is_regression(step) and not residualize:
            continue
        steps.append((f"{number}_{step.step}", build_step(step, carried)))
        if step.reads_whole:
            steps.append(drop_constant)
    if harmonization is not None:
        steps.append(harmonize(harmonization, carried))
    steps.append(("features", DropColumns(carried)))
    last = projector(recipe, strategy)
    if project and last is not None:
        steps.append(("project", last))
    elif strategy.projector.completes:
        steps.append(("complete", last.set_params(output="completed")))
    return Pipeline(steps)


def is_regression(step: StepOptions) -> bool:
    """Whether a step regresses confounds out, so that inference does it in its own way."""
    return bool(step.takes_out or step.takes_out_where_present)


def build_step(step: StepOptions, carried: list[str]) -> CarryColumns:
    """One preprocessing step of a card as a transformer that lets covariates pass."""
    return CarryColumns(STEPS.build(step, carried), carried, reads=step.reads(carried))


def harmonize(method: HarmonizationMethod, carried: list[str]) -> tuple[str, CarryColumns]:
    """Harmonization method of a card as a step."""
    return "harmonize", CarryColumns(build_harmonizer(method), carried, reads=method.columns)


def build_harmonizer(method: HarmonizationMethod) -> TransformerMixin | None:
    """Transformer that a harmonization card describes; None where nothing is fitted in folds."""
    return HARMONIZERS.build(method)


def projector(recipe: Recipe, strategy: EmbeddingStrategy) -> TransformerMixin | None:
    """Projector of a card, bounded by the experiment's subjects per dimension; None for none."""
    built = PROJECTORS.build(
        strategy.projector,
        n_blocks=len(recipe.blocks),
        subjects_per_dimension=recipe.experiment.subjects_per_dimension,
        modality=strategy.modality,
    )
    return None if built is None else built.set_output(transform="pandas")


def as_features(strategy: EmbeddingStrategy, projected: pd.DataFrame) -> pd.DataFrame:
    """Columns of a projector under names of features, where it gave them others.

    ``pca0`` of a projector ``sparse_pca`` of brain features becomes ``smri__sparse_pca__pca0``.
    """
    kind = strategy.projector.type

    def named(column: str) -> str:
        try:
            return str(parse_feature_name(column))
        except ValueError:
            unit = str(column).replace(SEPARATOR, "_")
            return feature_name(strategy.modality, kind, unit)

    return projected.set_axis([named(c) for c in projected.columns], axis=1)
