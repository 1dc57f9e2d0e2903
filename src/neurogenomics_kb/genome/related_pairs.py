"""Relatives, and people who occur twice, among so many people that no table holds all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.alike import count_in_cells, pairs_in_cells, row_keys
from neurogenomics_kb.genome.relatedness import (
    CLEAR,
    FIRST_DEGREE,
    MIN_CARRIERS,
    SAME,
    dosages,
    genotype_codes,
    samples_of,
    spread,
)

# People a side of the tables that are looked at one after the other: 32 MB in doubles.
TILE = 2000
# What unrelated pairs look like is learned from the pairs of so many people.
DRAWN = 2000
# More alleles than this are screened in so many random directions, in which a relationship has a
# standard deviation of 0.022; what is near the cut is then computed from all alleles.
DIRECTIONS = 2048
# Six of those standard deviations below the cut.
MARGIN = 0.14
# More regions than this: so many are compared first, and all of them for pairs that agree there.
REGIONS = 64
# Of more people than this those pairs are compared that agree in all of so many regions, in one of
# so many draws.
ALL_PAIRS, BAND, BANDS = 5000, 8, 70
# Agreement among these that no pair with `SAME` of all regions falls below: 4 errors of 0.05.
SCREEN = 0.6


def count_same(index: pd.DataFrame, labels: pd.Series) -> tuple[int, float]:
    """Pairs with different labels whose genotypes are those of one person.

    Parameters
    ----------
    index : DataFrame
        ``sample, region_id, haplotype, sequence_id`` as in `PersonalSequences.index`.
    labels : Series
        Fold or family by sample.

    Returns
    -------
    count : int
    clearance : float
        Where unrelated pairs end, from the pairs of a draw of people; see `genotype_concordance`.
    """
    samples, genotypes = _genotypes(index)
    codes = pd.factorize(labels.reindex(samples))[0]
    rng = np.random.default_rng(0)
    drawn = rng.choice(len(samples), min(DRAWN, len(samples)), replace=False)
    part = _agreement(genotypes[drawn], genotypes[drawn])
    pairs = part[np.triu_indices(len(part), 1)]
    clearance = float(np.median(pairs)) + CLEAR * spread(pairs) if len(pairs) else 0.0
    if clearance >= SAME:
        return 0, clearance  # a count would say nothing
    found = None if len(samples) <= ALL_PAIRS else _same_by_bands(genotypes, codes, rng)
    if found is None:
        found = _same_by_tiles(genotypes, codes, rng)
    return found, clearance


def _same_by_tiles(genotypes: np.ndarray, codes: np.ndarray, rng: np.random.Generator) -> int:
    """Pairs of one person's genotypes with different labels, among all pairs."""
    n_regions, count = genotypes.shape[1], 0
    few = n_regions > REGIONS
    looked = rng.choice(n_regions, REGIONS, replace=False) if few else np.arange(n_regions)
    for rows, columns in _tiles(len(genotypes)):
        shared = _agreement(genotypes[rows][:, looked], genotypes[columns][:, looked])
        a, b = _apart(shared >= (SCREEN if few else SAME), codes, rows, columns)
        count += int(_equal_share(genotypes, a, b).sum()) if few else len(a)
    return count


def _same_by_bands(
    genotypes: np.ndarray, codes: np.ndarray, rng: np.random.Generator
) -> int | None:
    """The same among pairs that agree in all regions of a draw; None where too many do.

    A pair with `SAME` of all regions agrees in one draw of `BAND` of them with probability 0.16
    or more, and in one of `BANDS` draws but for one pair in 100,000.
    """
    n, n_regions = genotypes.shape
    left, found = n * (n - 1) / 2, [np.empty(0, dtype=np.int64)]
    for _ in range(BANDS):
        looked = rng.choice(n_regions, min(BAND, n_regions), replace=False)
        part = genotypes[:, looked].astype(np.int64)
        # Who lacks a genotype is like nobody.
        lacking = np.flatnonzero((part < 0).any(axis=1))
        part[lacking, 0] = -1 - lacking
        keys = row_keys(part)
        left -= count_in_cells(keys)
        if left < 0:
            return None
        for a, b in pairs_in_cells(keys):
            apart = codes[a] != codes[b]
            a, b = a[apart], b[apart]
            same = _equal_share(genotypes, a, b)
            found.append(a[same] * n + b[same])
    return len(np.unique(np.concatenate(found)))


def _equal_share(genotypes: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether pairs agree in `SAME` of all regions."""
    equal = (genotypes[a] == genotypes[b]) & (genotypes[a] >= 0)
    return equal.mean(axis=1) >= SAME


def count_relatives(
    index: pd.DataFrame, places: Mapping[str, pd.Series], ancestry: pd.DataFrame | None = None
) -> tuple[dict[str, int], float]:
    """Close relatives with different labels, as `relationship_matrix` defines them.

    Parameters
    ----------
    index, ancestry : DataFrame
        As for `relationship_matrix`.
    places : mapping of str to Series
        Labels by sample: folds, families.

    Returns
    -------
    counts : dict of str to int
        Pairs by the name of the labels.
    noise : float
        Standard deviation of unrelated pairs, from the pairs of a draw of people.
    """
    if ancestry is not None:
        index = index[index["sample"].isin(ancestry.index)]
    samples, dosage = dosages(index)
    n = len(samples)
    carriers = np.asarray(dosage.sum(axis=0)).ravel()
    common = np.flatnonzero((carriers >= MIN_CARRIERS) & (carriers <= 2 * n - MIN_CARRIERS))
    frequency = carriers[common] / (2 * n)
    dosage = dosage[:, common].tocsr()
    basis = None
    if ancestry is not None:
        design = np.column_stack([np.ones(n), ancestry.loc[samples].to_numpy(dtype=float)])
        basis, size, _ = np.linalg.svd(design, full_matrices=False)
        basis = basis[:, size > 1e-9 * size[0]]
        explained = basis.T @ dosage - np.outer(basis.sum(axis=0), 2 * frequency)
    expected = max(float((2 * frequency * (1 - frequency)).sum()), 1e-12)

    def deviations(rows) -> np.ndarray:
        """Dosages of some people as deviations from what is expected of them."""
        found = dosage[rows].toarray() - 2 * frequency
        return found if basis is None else found - basis[rows] @ explained

    rng = np.random.default_rng(0)
    part = deviations(np.sort(rng.choice(n, min(DRAWN, n), replace=False)))
    noise = spread((part @ part.T / expected)[np.triu_indices(len(part), 1)])
    wide = len(common) > DIRECTIONS
    screened = np.empty((n, DIRECTIONS if wide else len(common)), dtype=np.float32)
    turn = rng.normal(size=(len(common), DIRECTIONS)) / np.sqrt(DIRECTIONS) if wide else None
    for start in range(0, n, TILE):
        rows = slice(start, min(start + TILE, n))
        screened[rows] = deviations(rows) if turn is None else deviations(rows) @ turn
    codes = {name: pd.factorize(labels.reindex(samples))[0] for name, labels in places.items()}
    counts = dict.fromkeys(places, 0)
    everybody = np.arange(n)
    for rows, columns in _tiles(n):
        found = screened[rows] @ screened[columns].T / expected
        a, b = _apart(found > FIRST_DEGREE - (MARGIN if wide else 0), everybody, rows, columns)
        if wide and len(a):
            exact = np.concatenate([
                (deviations(a[i : i + TILE]) * deviations(b[i : i + TILE])).sum(axis=1)
                for i in range(0, len(a), TILE)
            ])  # fmt: skip
            a, b = a[exact / expected > FIRST_DEGREE], b[exact / expected > FIRST_DEGREE]
        for name, label in codes.items():
            counts[name] += int((label[a] != label[b]).sum())
    return counts, noise


def _genotypes(index: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Genotype of every sample in every region as a number; -1 where there is none."""
    samples = samples_of(index)
    regions, names = pd.factorize(index["region_id"])
    place = samples.codes.astype(np.int64) * len(names) + regions
    two = index["sequence_id"].groupby(place).agg(["min", "max"])
    region, sample = two.index % len(names), two.index // len(names)
    codes = genotype_codes(region, two)
    out = np.full((len(samples.categories), len(names)), -1, dtype=np.int32)
    out[sample, region] = codes
    return list(samples.categories), out


def _agreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Share of regions with equal genotypes, of every row of `a` with every row of `b`."""
    shared = np.zeros((len(a), len(b)), dtype=np.int32)
    for k in range(a.shape[1]):
        shared += (a[:, k, None] == b[None, :, k]) & (a[:, k, None] >= 0)
    return shared / a.shape[1]


def _apart(found: np.ndarray, codes: np.ndarray, rows: slice, columns: slice):
    """Positions of the pairs that were found and have different labels, each once."""
    a, b = np.nonzero(found)
    a, b = a + rows.start, b + columns.start
    keep = (a < b) & (codes[a] != codes[b])
    return a[keep], b[keep]


def _tiles(n: int) -> Iterator[tuple[slice, slice]]:
    starts = range(0, n, TILE)
    for a in starts:
        for b in starts:
            if b >= a:
                yield slice(a, min(a + TILE, n)), slice(b, min(b + TILE, n))
