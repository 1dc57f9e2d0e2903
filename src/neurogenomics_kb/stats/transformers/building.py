"""Transformers from the options of strategy cards, one function per step and projector.

Options are read by their fields; which there are, and which builder is whose, stands in
``registry.cards.strategies``.
"""

from __future__ import annotations

from collections.abc import Collection

from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from neurogenomics_kb.foundation.naming import SEPARATOR
from neurogenomics_kb.stats.confounds import ConfoundRegressor
from neurogenomics_kb.stats.transformers.factor_analysis import FactorAnalysis
from neurogenomics_kb.stats.transformers.filters import DropNearConstant
from neurogenomics_kb.stats.transformers.head_size import HeadSizeAdjuster
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators
from neurogenomics_kb.stats.transformers.normative import NormativeScores
from neurogenomics_kb.stats.transformers.projection import CappedPCA
from neurogenomics_kb.stats.transformers.tangent import TangentSpace


def build_impute(options, available: Collection[str]) -> SimpleImputer:
    """Gaps filled from training subjects."""
    return SimpleImputer(strategy=options.method).set_output(transform="pandas")


def build_drop_near_constant(options, available: Collection[str]) -> DropNearConstant:
    """Features left out in which almost all training subjects agree."""
    return DropNearConstant(options.min_different)


def build_zscore(options, available: Collection[str]) -> StandardScaler:
    """Features centred and scaled by training subjects."""
    return StandardScaler().set_output(transform="pandas")


def build_residualize(options, available: Collection[str]) -> ConfoundRegressor:
    """Confounds regressed out, optional ones where the cohort has them."""
    return ConfoundRegressor(
        options.confounds,
        optional=[c for c in options.optional if c in available],
        categorical=options.categorical,
        smooth=options.smooth,
        products=[p for p in options.products if {*p} <= {*options.confounds, *available}],
        unseen=options.unseen,
    )


def build_etiv(options, available: Collection[str]) -> HeadSizeAdjuster:
    """Head size taken out of volumes and areas."""
    return HeadSizeAdjuster(options.method, powers=options.powers)


def build_tangent(options, available: Collection[str]) -> TangentSpace:
    """Covariances in the tangent space at the training subjects' mean."""
    return TangentSpace()


def build_missing_indicators(options, available: Collection[str]) -> MissingIndicators:
    """Columns that say what is missing."""
    return MissingIndicators(options.level, options.min_missing)


def build_norms(options, available: Collection[str] = ()) -> NormativeScores:
    """z-scores by age and sex."""
    return NormativeScores(
        options.age,
        options.sex,
        method=options.method,
        knots=options.knots,
        bands=options.bands,
        outside=options.outside,
        minimum=options.minimum,
    )


def build_pca(options, *, n_blocks: int, subjects_per_dimension: float, modality: str) -> CappedPCA:
    """Principal components, bounded by the experiment's subjects per dimension."""
    return CappedPCA(options.dim, n_blocks=n_blocks, subjects_per_dimension=subjects_per_dimension)


def build_factor_analysis(
    options, *, n_blocks: int, subjects_per_dimension: float, modality: str
) -> FactorAnalysis:
    """Factor scores, which are features themselves: ``behaviour__latent__factor1``."""
    return FactorAnalysis(
        options.factors,
        rotation=options.rotation,
        prefix=f"{modality}{SEPARATOR}latent{SEPARATOR}factor",
        n_blocks=n_blocks,
        subjects_per_dimension=subjects_per_dimension,
    )


def build_nothing(options, **context) -> None:
    """Features as they are."""
    return
