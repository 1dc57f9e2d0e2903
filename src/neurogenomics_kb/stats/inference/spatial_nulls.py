"""Surrogate maps of brain regions: random rotations of a sphere, and Moran's spectral method.

*Spins* turn the sphere of a hemisphere by a random rotation and mirror it for the other one
(Alexander-Bloch et al., NeuroImage 2018, doi:10.1016/j.neuroimage.2018.05.070); regions then take
the value of the rotated region that an assignment gives them (Vázquez-Rodríguez et al., PNAS 2019;
Markello & Misic, NeuroImage 2021). *Moran spectral randomisation* keeps the size of a map's
coefficients on the eigenvectors of the doubly centred weights and draws their signs (Wagner & Dray,
Methods in Ecology and Evolution 2015, doi:10.1111/2041-210X.12407).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from neurogenomics_kb.foundation.errors import InputError


def spin_permutations(
    sphere: np.ndarray,
    sides: np.ndarray | None,
    n_spins: int,
    rng: np.random.Generator,
    *,
    one_to_one: bool = True,
) -> np.ndarray:
    """Which region each region takes its value from, under random rotations.

    Parameters
    ----------
    sphere : ndarray (n, 3)
        Regions on the sphere, each hemisphere about its own centre at the origin; x points to the
        right.
    sides : ndarray of int (n,) or None
        Hemisphere of every region, 0 or 1.
    n_spins : int
        Number of rotations.
    rng : Generator
        Source of random numbers.
    one_to_one : bool
        Assign at the least total distance, every region once (Hungarian algorithm); else the
        nearest.

    Returns
    -------
    ndarray of int (n_spins, n)
    """
    mirror = np.diag([-1.0, 1.0, 1.0])
    groups = [np.arange(len(sphere))] if sides is None else [
        np.flatnonzero(sides == side) for side in np.unique(sides)
    ]  # fmt: skip
    out = np.empty((n_spins, len(sphere)), dtype=int)
    for k in range(n_spins):
        turn = random_rotation(rng)
        for rows, rotation in zip(groups, (turn, mirror @ turn @ mirror), strict=False):
            distance = cdist(sphere[rows], sphere[rows] @ rotation.T)
            taken = linear_sum_assignment(distance)[1] if one_to_one else distance.argmin(axis=1)
            out[k, rows] = rows[taken]
    return out


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Rotation (3, 3) drawn uniformly (QR of normal numbers, signs fixed; Mezzadri 2007)."""
    Q, R = np.linalg.qr(rng.normal(size=(3, 3)))
    Q = Q * np.sign(np.diag(R))
    if np.linalg.det(Q) < 0:
        Q[:, 0] = -Q[:, 0]
    return Q


def moran_eigenvectors(weights: np.ndarray, homologues: np.ndarray | None = None) -> np.ndarray:
    """Eigenvectors (n, n − 1) of the doubly centred weights, the constant one left out.

    Parameters
    ----------
    weights : ndarray (n, n)
        Symmetric spatial weights, larger for closer regions.
    homologues : ndarray of int (n,), optional
        Position of each region's counterpart. Weights are averaged over the two hemispheres, and
        eigenvectors are those of the symmetric and of the antisymmetric maps.
    """
    n = len(weights)
    if homologues is None:
        return _eigenvectors(weights, _orthogonal_to(np.ones(n)))
    weights = (weights + weights[np.ix_(homologues, homologues)]) / 2
    first = np.flatnonzero(np.arange(n) < homologues)
    alone = np.flatnonzero(np.arange(n) == homologues)
    same, opposite = np.zeros((n, len(first))), np.zeros((n, len(first)))
    for basis, sign in ((same, 1.0), (opposite, -1.0)):
        basis[first, np.arange(len(first))] = np.sqrt(0.5)
        basis[homologues[first], np.arange(len(first))] = sign * np.sqrt(0.5)
    same = np.hstack([same, np.eye(n)[:, alone]])
    centred = same @ _orthogonal_to(same.T @ np.ones(n))
    return np.hstack([_eigenvectors(weights, basis) for basis in (centred, opposite)])


def _eigenvectors(weights: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Eigenvectors of weights inside the space of an orthonormal basis, largest first."""
    return basis @ eigh(basis.T @ weights @ basis)[1][:, ::-1]


def _orthogonal_to(direction: np.ndarray) -> np.ndarray:
    """Orthonormal basis (k, k − 1) of what is orthogonal to a direction.

    The centring is exact by it, and no null vector has to be told from small eigenvalues.
    """
    k = len(direction)
    return np.linalg.qr(np.column_stack([direction, np.eye(k)]))[0][:, 1:k]


def moran_surrogates(
    values: np.ndarray,
    vectors: np.ndarray,
    n_surrogates: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Maps with the mean, the variance and the spatial autocorrelation of `values`.

    Parameters
    ----------
    values : ndarray (n,)
        The map.
    vectors : ndarray (n, n − 1)
        From `moran_eigenvectors`.
    n_surrogates : int
        How many.
    rng : Generator
        Source of random numbers.

    Returns
    -------
    ndarray (n_surrogates, n)
    """
    coefficients = vectors.T @ (values - values.mean())
    # "Singleton" of the paper: the size of every coefficient stays, so Moran's I stays exactly.
    drawn = coefficients * rng.choice([-1.0, 1.0], (n_surrogates, len(coefficients)))
    return values.mean() + drawn @ vectors.T


def inverse_distance(distances: np.ndarray) -> np.ndarray:
    """Spatial weights 1 / d, nothing on the diagonal.

    Raises
    ------
    InputError
        If two regions lie in one place.
    """
    d = np.asarray(distances, dtype=float)
    off = ~np.eye(len(d), dtype=bool)
    if (d[off] <= 0).any():
        raise InputError(
            f"{int((d[off] <= 0).sum()) // 2} pairs of regions are at no distance",
            remedy="Give every region its own centre.",
        )
    out = np.zeros_like(d)
    out[off] = 1.0 / d[off]
    return out
