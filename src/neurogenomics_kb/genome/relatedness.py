"""Relatives among the subjects of a haplotype table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

# Between first- (0.5) and second-degree (0.25) relatives, as genomic relationship.
FIRST_DEGREE = 0.354
# Relationships of unrelated pairs must vary less than this for the cut to be six deviations away.
MAX_NOISE = 0.06
MIN_CARRIERS = 5


def relationship_matrix(index: pd.DataFrame) -> tuple[list[str], np.ndarray, float]:
    """Genomic relationship of every pair, from the sequences they carry.

    Each distinct sequence of a region is an allele; dosages are standardised by allele frequency
    and averaged (VanRaden 2008, with haplotypes as alleles), so that 0 is expected for unrelated
    people of one population, 0.5 for siblings, about 1 for the same person twice.

    Parameters
    ----------
    index : DataFrame
        ``sample, region_id, haplotype, sequence_id`` as in `PersonalSequences.index`.

    Returns
    -------
    samples : list of str
    relationship : ndarray (n, n)
    noise : float
        Robust standard deviation of the pairs: with few regions relatives cannot be told.
    """
    samples = pd.Categorical(index["sample"])
    regions = pd.factorize(index["region_id"])[0].astype(np.int64)
    allele = pd.factorize(
        regions * (int(index["sequence_id"].max()) + 1) + index["sequence_id"].to_numpy(np.int64)
    )[0]
    n = len(samples.categories)
    dosage = sparse.coo_matrix(
        (np.ones(len(index)), (samples.codes, allele)), shape=(n, allele.max() + 1)
    ).tocsc()
    frequency = np.asarray(dosage.mean(axis=0)).ravel() / 2
    common = (frequency * 2 * n >= MIN_CARRIERS) & (frequency * 2 * n <= 2 * n - MIN_CARRIERS)
    frequency = frequency[common]
    centred = dosage[:, np.flatnonzero(common)].toarray() - 2 * frequency
    scaled = centred / np.sqrt(2 * frequency * (1 - frequency))
    relationship = scaled @ scaled.T / max(len(frequency), 1)
    pairs = relationship[np.triu_indices(n, 1)]
    low, high = np.quantile(pairs, [0.16, 0.84]) if len(pairs) else (0.0, 0.0)
    return list(samples.categories), relationship, float((high - low) / 2)
