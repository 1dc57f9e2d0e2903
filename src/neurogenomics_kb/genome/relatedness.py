"""Relatives, and people who occur twice, among the subjects of a haplotype table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

# Between first- (0.5) and second-degree (0.25) relatives, as genomic relationship.
FIRST_DEGREE = 0.354
# Share of regions with equal genotypes that only one person, or identical twins, have; short of 1
# because calls fail now and then.
SAME = 0.8
# Pairs of unrelated subjects must stay this many standard deviations below a cut.
CLEAR = 6.0
MAX_NOISE = FIRST_DEGREE / CLEAR
MIN_CARRIERS = 5


def relationship_matrix(
    index: pd.DataFrame, ancestry: pd.DataFrame | None = None
) -> tuple[list[str], np.ndarray, float]:
    """Genomic relationship of every pair, from the sequences they carry.

    Each distinct sequence of a region is an allele (VanRaden 2008, first method, with haplotypes
    as alleles: products of deviations over their expected variance, which rare alleles do not
    dominate). 0 is expected for unrelated people of one population, 0.5 for siblings, about 1 for
    the same person twice.

    Parameters
    ----------
    index : DataFrame
        ``sample, region_id, haplotype, sequence_id`` as in `PersonalSequences.index`.
    ancestry : DataFrame (samples, components), optional
        Sharing is judged against what subjects of the same ancestry share: dosages are taken as
        deviations from their regression on the components (Conomos et al. 2016). Without them,
        people of one ancestry in a mixed cohort look related. Other samples are left out.

    Returns
    -------
    samples : list of str
    relationship : ndarray (n, n)
    noise : float
        Standard deviation of the pairs, by quantiles: with few regions relatives cannot be told.
    """
    if ancestry is not None:
        index = index[index["sample"].isin(ancestry.index)]
    samples, dosage = dosages(index)
    n = len(samples)
    carriers = np.asarray(dosage.sum(axis=0)).ravel()
    common = (carriers >= MIN_CARRIERS) & (carriers <= 2 * n - MIN_CARRIERS)
    frequency = carriers[common] / (2 * n)
    centred = dosage[:, np.flatnonzero(common)].toarray() - 2 * frequency
    if ancestry is not None:
        design = np.column_stack([np.ones(n), ancestry.loc[samples].to_numpy(dtype=float)])
        basis, size, _ = np.linalg.svd(design, full_matrices=False)
        basis = basis[:, size > 1e-9 * size[0]]
        centred -= basis @ (basis.T @ centred)
    expected = max(float((2 * frequency * (1 - frequency)).sum()), 1e-12)
    relationship = centred @ centred.T / expected
    return samples, relationship, spread(relationship[np.triu_indices(n, 1)])


def genotype_concordance(index: pd.DataFrame) -> tuple[list[str], np.ndarray, float]:
    """Share of regions in which a pair carries the same two sequences.

    Parameters
    ----------
    index : DataFrame
        As for `relationship_matrix`.

    Returns
    -------
    samples : list of str
    concordance : ndarray (n, n)
    clearance : float
        Where unrelated pairs end: median and `CLEAR` standard deviations.
    """
    samples = samples_of(index)
    regions = pd.factorize(index["region_id"])[0].astype(np.int64)
    place = samples.codes.astype(np.int64) * (regions.max() + 1) + regions
    two = index["sequence_id"].groupby(place).agg(["min", "max"])
    region, sample = two.index % (regions.max() + 1), two.index // (regions.max() + 1)
    genotypes = genotype_codes(region, two)
    carried = sparse.coo_matrix((np.ones(len(two)), (sample, genotypes))).tocsr()
    concordance = (carried @ carried.T).toarray() / (regions.max() + 1)
    pairs = concordance[np.triu_indices(len(concordance), 1)]
    middle = float(np.median(pairs)) if len(pairs) else 0.0
    return list(samples.categories), concordance, middle + CLEAR * spread(pairs)


def genotype_codes(region: np.ndarray, two: pd.DataFrame) -> np.ndarray:
    """Number of each pair of sequences of a region (m,), the same for the same pair.

    Parameters
    ----------
    region : ndarray of int (m,)
        Region.
    two : DataFrame (m, 2)
        ``min`` and ``max`` of the numbers of the two sequences.
    """
    both = two["min"].to_numpy(np.int64) * (int(two["max"].max()) + 1) + two["max"].to_numpy()
    pair = pd.factorize(both)[0]
    return pd.factorize(np.asarray(region, dtype=np.int64) * (pair.max() + 1) + pair)[0]


def spread(pairs: np.ndarray) -> float:
    """Standard deviation by quantiles, of the bulk or of the upper tail, whichever is larger.

    The few relatives among many pairs do not enter; a heavy tail does.
    """
    if not len(pairs):
        return 0.0
    low, middle, high, tail = np.quantile(pairs, [0.16, 0.5, 0.84, 0.99])
    return float(max((high - low) / 2, (tail - middle) / 2.33))


def dosages(index: pd.DataFrame) -> tuple[list[str], sparse.csc_matrix]:
    """How often every sample carries every sequence of a region: 0, 1 or 2."""
    samples = samples_of(index)
    regions = pd.factorize(index["region_id"])[0].astype(np.int64)
    allele = pd.factorize(
        regions * (int(index["sequence_id"].max()) + 1) + index["sequence_id"].to_numpy(np.int64)
    )[0]
    shape = (len(samples.categories), allele.max() + 1)
    dosage = sparse.coo_matrix((np.ones(len(index)), (samples.codes, allele)), shape=shape)
    return list(samples.categories), dosage.tocsc()


def samples_of(index: pd.DataFrame) -> pd.Categorical:
    """Sample of every row."""
    # Stored tables keep the names of samples that were left out as categories.
    return pd.Categorical(index["sample"].astype(str))
