"""Alternate alleles per person: the plain form of the variants that sequences are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import SUBJECT, feature_name
from neurogenomics_kb.genome.genotypes import Record
from neurogenomics_kb.genome.variants import VariantSource, open_variants

GROUP = "dosage"
# Alleles that are longer stand in a name by their beginning, length and hash.
LONGEST = 24


def allele_dosages(regions: pd.DataFrame, variants: VariantSource) -> pd.DataFrame:
    """Count every person's alternate alleles of the records that personal sequences hold.

    The records are those that `neurogenomics_kb.genome.haplotypes.personal_sequences` applies:
    whole inside a region, each alternate allele with a sequence of its own. As there, a missing
    allele counts as the reference, of records that repeat the first one counts, and the order of
    alleles, which a dosage does not know, makes no difference where calls are unphased. Where
    records overlap on a haplotype, a sequence holds the first and a dosage counts both.

    Parameters
    ----------
    regions : DataFrame
        ``gene_id, chrom, start, end`` (0-based, half-open).
    variants : path, sequence of paths, mapping or GenotypeOptions
        As for `personal_sequences`.

    Returns
    -------
    DataFrame of int8, shape (n_samples, n_alleles)
        0, 1 or 2, in a byte each, since exomes hold many alleles; a column
        ``genomics__dosage__<gene>__<contig:position:ref:alt>`` for each gene and alternate allele,
        positions from 1.
    """
    columns: dict[str, np.ndarray] = {}
    with open_variants(variants) as calls:
        for region in regions.itertuples():
            for record in calls.records(region.chrom, region.start, region.end):
                if not (region.start <= record.position and record.end <= region.end):
                    continue
                for name, dosage in _alternates(str(region.gene_id), region.chrom, record):
                    columns.setdefault(name, dosage)
        index = pd.Index(calls.samples, name=SUBJECT)
    return pd.DataFrame(columns, index=index, dtype=np.int8)


def _alternates(gene: str, chrom: str, record: Record) -> Iterator[tuple[str, np.ndarray]]:
    """Name and dosage of every alternate allele that has a sequence."""
    for number, alt in enumerate(record.alts, start=1):
        if alt is not None:
            place = f"{chrom}:{record.position + 1}:{_short(record.ref)}:{_short(alt)}"
            name = feature_name("genomics", GROUP, gene, place.replace("__", "_"))
            yield name, (record.alleles == number).sum(axis=1).astype(np.int8)


def _short(allele: str) -> str:
    """An allele that fits into a name."""
    if len(allele) <= LONGEST:
        return allele
    digest = hashlib.sha256(allele.encode()).hexdigest()[:8]
    return f"{allele[:8]}({len(allele)}){digest}"
