"""Groups of units that carry the same information: genes in linkage, neighbouring regions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from neurogenomics_kb.stats.transformers.projection import principal_axes

THRESHOLD = 0.5


def correlated_units(
    X: np.ndarray, units: Mapping[str, np.ndarray], *, threshold: float = THRESHOLD
) -> list[list[str]]:
    """Clusters of units by the squared correlation of their first principal components.

    Average linkage. The clusters are part of the question, not of the answer: they come from the
    features of all subjects and never from an outcome, and are the same in every fold.

    Parameters
    ----------
    X : ndarray (n, p)
        Complete features.
    units : mapping of str to ndarray of int
        Columns of each unit.
    threshold : float
        Mean r² above which units are joined.

    Returns
    -------
    list of list of str
        Clusters of two units or more, in order of their first unit.
    """
    names = list(units)
    if len(names) < 2:
        return []
    first = np.zeros((len(X), len(names)))
    for g, name in enumerate(names):
        own = X[:, units[name]]
        own = own - own.mean(axis=0)
        axes, _ = principal_axes(own, 1)
        if axes.shape[1]:
            first[:, g] = own @ axes[:, 0]
    norms = np.linalg.norm(first, axis=0)
    first /= np.where(norms > 0, norms, np.inf)
    distance = 1 - np.clip(first.T @ first, -1, 1) ** 2
    np.fill_diagonal(distance, 0)
    labels = fcluster(linkage(squareform(distance, checks=False), "average"), 1 - threshold,
                      criterion="distance")  # fmt: skip
    members: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        members.setdefault(int(label), []).append(name)
    return [cluster for cluster in members.values() if len(cluster) > 1]
