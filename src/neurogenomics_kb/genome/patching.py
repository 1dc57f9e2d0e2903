"""Alleles of a haplotype put into the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from neurogenomics_kb.genome.genotypes import Record


def distinct_columns(alleles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct columns of an allele table, as ``(patterns, inverse)``.

    Columns are hashed (a sum of random keys of their non-reference alleles), grouped by hash, and
    compared with their group's first column, so that a collision cannot merge two haplotypes.

    Parameters
    ----------
    alleles : ndarray of int, shape (n_records, n_haplotypes)
        Allele numbers, 0 the reference.

    Returns
    -------
    patterns : ndarray, shape (n_records, n_patterns)
    inverse : ndarray of int, shape (n_haplotypes,)
        ``patterns[:, inverse]`` is `alleles`.
    """
    rng = np.random.default_rng(0)
    hashes = np.zeros(alleles.shape[1], dtype=np.uint64)
    for row in alleles:
        keys = rng.integers(0, 2**64, size=int(row.max(initial=0)) + 1, dtype=np.uint64)
        keys[0] = 0
        hashes += keys[row]
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    patterns = alleles[:, first]
    if not np.array_equal(patterns[:, inverse], alleles):
        patterns, inverse = np.unique(alleles, axis=1, return_inverse=True)
    return patterns, inverse.reshape(-1)


def apply_alleles(
    sequence: str, start: int, records: Sequence[Record], pattern: Sequence[int]
) -> tuple[str, Counter[str]]:
    """Sequence of one haplotype, with counts of the alleles applied and left out.

    Parameters
    ----------
    sequence : str
        Reference bases of the region, which begins at `start` (0-based).
    start : int
        First base of the region.
    records : sequence of Record
        Records inside the region, in file order.
    pattern : sequence of int
        Allele number of this haplotype at each record.
    """
    tally: Counter[str] = Counter()
    pieces: list[str] = []
    copied = start  # reference bases before this one are dealt with
    after_insertion = False
    for record, allele in zip(records, pattern, strict=True):
        if allele == 0:
            continue
        alt = record.alts[allele - 1]
        if alt is None:
            tally["symbolic_alleles"] += 1
            continue
        changed = alt
        if record.position < copied:
            anchored = (
                record.position == copied - 1
                and alt[0] == record.ref[0]
                and len(alt) != len(record.ref)
                and not after_insertion
            )
            if not anchored:
                tally["overlapping_alleles"] += 1
                continue
            changed = alt[1:]  # the shared base is out already
        else:
            pieces.append(sequence[copied - start : record.position - start])
        pieces.append(changed)
        copied = record.end
        after_insertion = len(alt) > len(record.ref)
        tally["applied_alleles"] += 1
    pieces.append(sequence[copied - start :])
    return "".join(pieces), tally
