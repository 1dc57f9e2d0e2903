"""Strategy cards as scikit-learn pipelines."""

from __future__ import annotations

from collections.abc import Iterable

from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from neurogenomics_kb.foundation.naming import SEPARATOR
from neurogenomics_kb.registry.cards import EmbeddingStrategy, HarmonizationMethod
from neurogenomics_kb.registry.recipe import Recipe, harmonized_blocks
from neurogenomics_kb.stats.confounds import ConfoundRegressor
from neurogenomics_kb.stats.harmonization import (
    ComBat,
    ComBatGAM,
    CovBat,
    LongitudinalComBat,
    SiteUnlearning,
)
from neurogenomics_kb.stats.transformers.carry import CarryColumns, DropColumns
from neurogenomics_kb.stats.transformers.factor_analysis import FactorAnalysis
from neurogenomics_kb.stats.transformers.filters import DropNearConstant
from neurogenomics_kb.stats.transformers.head_size import HeadSizeAdjuster
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators
from neurogenomics_kb.stats.transformers.normative import NormativeScores
from neurogenomics_kb.stats.transformers.projection import CappedPCA
from neurogenomics_kb.stats.transformers.tangent import TangentSpace


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
    if harmonization is not None and harmonization.method == "external":
        harmonization = None  # done before; its manifest is checked by a node
    drop_constant = ("drop_constant", CarryColumns(DropNearConstant(1), carried))
    # A covariance without its constant cells is no matrix any more.
    tangent = any(step.step == "tangent" for step in strategy.preprocessing)
    steps = [] if tangent else [drop_constant]
    if getattr(strategy.projector, "missing_indicators", False):
        steps.append(("missing_indicators", CarryColumns(MissingIndicators(), carried)))
    for number, step in enumerate(strategy.preprocessing):
        if step.step == "zscore" and harmonization is not None:
            steps.append(harmonize(harmonization, carried))
            harmonization = None
        if is_regression(step) and not residualize:
            continue
        steps.append((f"{number}_{step.step}", build_step(step, carried)))
        if step.step == "tangent":
            steps.append(drop_constant)
    if harmonization is not None:
        steps.append(harmonize(harmonization, carried))
    steps.append(("features", DropColumns(carried)))
    if project and strategy.projector.type != "none":
        steps.append(("project", projector(recipe, strategy)))
    elif strategy.projector.type == "factor_analysis":
        completed = projector(recipe, strategy).set_params(output="completed")
        steps.append(("complete", completed))
    return Pipeline(steps)


def is_regression(step) -> bool:
    """Whether a step regresses confounds out, so that inference does it in its own way."""
    return step.step in ("residualize", "norms") or (
        step.step == "etiv" and step.method == "residual"
    )


def build_step(step, carried: list[str]) -> CarryColumns:
    """One preprocessing step of a card as a transformer that lets covariates pass."""
    if step.step == "residualize":
        optional = [c for c in step.optional if c in carried]
        regressor = ConfoundRegressor(
            step.confounds,
            optional=optional,
            categorical=step.categorical,
            smooth=step.smooth,
            unseen=step.unseen,
        )
        return CarryColumns(regressor, carried, reads=[*step.confounds, *optional])
    if step.step == "etiv":
        adjuster = HeadSizeAdjuster(step.method, powers=step.powers)
        return CarryColumns(adjuster, carried, reads=[] if step.method == "none" else ["etiv"])
    if step.step == "norms":
        return CarryColumns(build_norms(step), carried, reads=step.columns)
    transformer = {
        "missing_indicators": lambda: MissingIndicators(step.level, step.min_missing),
        "impute": lambda: SimpleImputer(strategy=step.method).set_output(transform="pandas"),
        "tangent": lambda: TangentSpace(),
        "zscore": lambda: StandardScaler().set_output(transform="pandas"),
        "drop_near_constant": lambda: DropNearConstant(step.min_different),
    }[step.step]()
    return CarryColumns(transformer, carried)


def build_norms(step) -> NormativeScores:
    """Transformer that a card's norms describe."""
    return NormativeScores(
        step.age,
        step.sex,
        method=step.method,
        knots=step.knots,
        bands=step.bands,
        outside=step.outside,
        minimum=step.minimum,
    )


def harmonize(method: HarmonizationMethod, carried: list[str]) -> tuple[str, CarryColumns]:
    """Harmonization method of a card as a step."""
    return "harmonize", CarryColumns(build_harmonizer(method), carried, reads=method.columns)


def build_harmonizer(method: HarmonizationMethod) -> ComBat | SiteUnlearning:
    """Transformer that a harmonization card describes."""
    columns = {"batch": method.batch, "preserve": method.preserve, "unseen": method.unseen}
    if method.method == "unlearning":
        return SiteUnlearning(
            **columns,
            dim=method.dim,
            hidden=method.hidden,
            epochs=method.epochs,
            reconstruction=method.reconstruction,
            seed=method.seed,
        )
    shared = {
        **columns,
        "parametric": method.parametric,
        "mean_only": method.mean_only,
        "reference": method.reference,
        "empirical_bayes": method.empirical_bayes,
    }
    if method.method == "combat_gam":
        return ComBatGAM(
            **shared,
            smooth=method.smooth,
            df=method.spline_df,
            penalty=method.penalty,
            extrapolation=method.extrapolation,
        )
    if method.method == "covbat":
        return CovBat(**shared, variance_kept=method.variance_kept)
    if method.method == "longitudinal_combat":
        return LongitudinalComBat(
            **shared, subject=method.subject, new_subjects=method.new_subjects
        )
    return ComBat(**shared)


def projector(recipe: Recipe, strategy: EmbeddingStrategy) -> CappedPCA | FactorAnalysis:
    """Projector of a card, bounded by the experiment's subjects per dimension."""
    card = strategy.projector
    bounds = {
        "n_blocks": len(recipe.blocks),
        "subjects_per_dimension": recipe.experiment.subjects_per_dimension,
    }
    if card.type == "factor_analysis":
        # Scores are features themselves: behaviour__latent__factor1.
        prefix = f"{strategy.modality}{SEPARATOR}latent{SEPARATOR}factor"
        return FactorAnalysis(card.factors, rotation=card.rotation, prefix=prefix, **bounds)
    return CappedPCA(card.dim, **bounds)
