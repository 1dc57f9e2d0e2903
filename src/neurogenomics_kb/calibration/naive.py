"""What the field often does instead, measured beside the tests of this project. Not for use."""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.linalg import svd

from neurogenomics_kb.foundation.permutation_statistics import STATISTICS
from neurogenomics_kb.stats.inference.permutation import permutation_p_value
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.roc import delong_test
from neurogenomics_kb.stats.transformers.projection import principal_axes


def permute_residuals(
    X: np.ndarray,
    Y: np.ndarray,
    confounds: np.ndarray,
    *,
    dims: tuple[int, int],
    n_permutations: int,
    n_components: int,
    seed: int,
    statistic: str = "roy",
) -> np.ndarray:
    """Canonical correlation of residuals with freely permuted rows, each mode against its own r.

    Both mistakes at once: residuals depend on one another (and families on their members), and
    earlier modes are left in the null of later ones. `statistic` is that of `permutation_cca`, so
    that power is compared on equal terms.

    Returns
    -------
    ndarray (n_components,)
        Uncorrected p-values.
    """
    value_of = STATISTICS.build(STATISTICS.options(statistic))
    design = independent_design(confounds, len(X))
    rng = np.random.default_rng(seed)

    def basis(A: np.ndarray, dim: int) -> np.ndarray:
        residual = A - design @ np.linalg.lstsq(design, A, rcond=None)[0]
        axes, singular = principal_axes(residual, dim)
        return residual @ axes / singular

    U, V = basis(Y, dims[1]), basis(X, dims[0])

    def correlations(rows: np.ndarray) -> np.ndarray:
        roots = np.clip(svd(U[rows].T @ V, compute_uv=False), 0, 1 - 1e-12)
        return value_of(np.diag(roots), roots[:n_components])

    null = np.stack([correlations(rng.permutation(len(X))) for _ in range(n_permutations)])
    return permutation_p_value(correlations(np.arange(len(X))), null)


def pooled_delong(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """DeLong's test on the pooled out-of-fold scores of two models."""
    return delong_test(y, a, b).p_value


def wilcoxon_over_folds(differences: np.ndarray) -> float:
    """Wilcoxon signed-rank test of fold-wise differences, as if folds were independent."""
    return float(stats.wilcoxon(differences).pvalue) if np.any(differences != 0) else 1.0


def paired_t_over_folds(differences: np.ndarray) -> float:
    """Paired t-test over folds without the correction for shared training subjects."""
    return float(stats.ttest_1samp(differences, 0.0).pvalue)
