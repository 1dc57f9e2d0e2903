"""Axes of the common space of towers, by how far towers agree on them."""

from __future__ import annotations

import numpy as np

from neurogenomics_kb.stats.ladder.pairs import pairs_of


def agreement(embeddings: dict[str, np.ndarray], has: dict[str, np.ndarray]) -> np.ndarray:
    """Axes on which towers agree, each with the standard deviation of its correlation.

    Towers of few shared variables leave most of a wide common space to chance, and a regression of
    few people would hear that as loudly as the rest. Axes are eigenvectors of the covariance
    between towers in held-out people, symmetric and mean over all pairs of blocks; those on which
    towers do not agree become 0.

    Parameters
    ----------
    embeddings : dict of str to ndarray (n, dim)
        Of people that the towers were not trained on.
    has : dict of str to ndarray of bool (n,)
        Who has the block.

    Returns
    -------
    ndarray (dim, dim)
    """
    between, within = [], []
    for a, b in pairs_of(list(embeddings)):
        both = has[a] & has[b]
        if both.sum() < 2:
            continue
        left, right = (E - E.mean(axis=0) for E in (embeddings[a][both], embeddings[b][both]))
        between.append((left.T @ right + right.T @ left) / (2 * both.sum()))
        within.append((left.T @ left + right.T @ right) / (2 * both.sum()))
    if not between:
        return np.eye(len(next(iter(embeddings.values())).T))
    values, vectors = np.linalg.eigh(np.mean(between, axis=0))
    variance = np.einsum("ij,ik,kj->j", vectors, np.mean(within, axis=0), vectors)
    correlation = np.clip(values, 0, None) / np.maximum(variance, 1e-12)
    return vectors * (correlation / np.sqrt(np.maximum(variance, 1e-12)))
