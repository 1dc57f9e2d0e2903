"""From embeddings of distinct sequences to one row per subject."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.errors import InputError, listing
from neurogenomics_kb.naming import SUBJECT, feature_name


def carried_sequences(index: pd.DataFrame) -> tuple[list[str], list[str], np.ndarray]:
    """Haplotype index as an array.

    Parameters
    ----------
    index : DataFrame
        ``sample, region_id, haplotype`` (1, 2), ``sequence_id``; one row for every combination.

    Returns
    -------
    samples : list of str
    region_ids : list of str
    carried : ndarray of int, shape (n_samples, n_regions, 2)
        Sequence ids.

    Raises
    ------
    InputError
        If a combination is missing or there twice.
    """
    sample = index["sample"].astype("category").cat.remove_unused_categories()
    region = index["region_id"].astype("category").cat.remove_unused_categories()
    samples = sample.cat.categories.astype(str).tolist()
    region_ids = region.cat.categories.astype(str).tolist()
    carried = np.full((len(samples), len(region_ids), 2), -1, dtype=np.int64)
    haplotype = index["haplotype"].to_numpy()
    if not np.isin(haplotype, (1, 2)).all():
        raise InputError(
            "haplotypes other than 1 and 2",
            file="haplotype index",
            column="haplotype",
            remedy="Run the genomics pipeline again.",
        )
    carried[sample.cat.codes, region.cat.codes, haplotype - 1] = index["sequence_id"]
    incomplete = (carried < 0).any(axis=(1, 2))
    if incomplete.any() or len(index) != carried.size:
        raise InputError(
            f"the index has {len(index)} rows, not {carried.size} "
            "(samples × regions × 2 haplotypes)",
            file="haplotype index",
            subjects=int(incomplete.sum()),
            of=len(samples),
            remedy="Run the genomics pipeline again.",
        )
    return samples, region_ids, carried


def pool_genes(
    embeddings: np.ndarray,
    names: list[str],
    index: pd.DataFrame,
    regions: pd.DataFrame,
    encoder_id: str,
) -> pd.DataFrame:
    """Average exon embeddings into gene embeddings per subject.

    The exons of a gene weigh the same whatever their length, and the two haplotypes are averaged:
    the result is linear in the number of copies of each haplotype a subject carries.

    Parameters
    ----------
    embeddings : ndarray, shape (n_distinct, dim)
        Embedding of each distinct sequence.
    names : list of str, length dim
        Names of the embedding's components.
    index : DataFrame
        ``sample, region_id, haplotype, sequence_id``.
    regions : DataFrame
        ``region_id, gene_id``.
    encoder_id : str
        Id of the encoder, the features' group.

    Returns
    -------
    DataFrame, shape (n_samples, n_genes * dim)
        Columns ``genomics__<encoder id>__<gene>__<component>``; index ``subject_id``.

    Raises
    ------
    InputError
        If the index is incomplete, or names a region or sequence that is not there.
    """
    samples, region_ids, carried = carried_sequences(index)
    gene_of = regions.set_index("region_id")["gene_id"].astype(str)
    unknown = sorted(set(region_ids) - set(gene_of.index))
    if unknown:
        raise InputError(
            f"region {listing(unknown)} of the haplotype index is not in the regions",
            file="genomics.regions",
            remedy="Run the genomics pipeline again.",
        )
    if carried.size and carried.max() >= len(embeddings):
        raise InputError(
            f"sequence {carried.max()} of the haplotype index has no embedding "
            f"(there are {len(embeddings)})",
            file="genomics.exon_embeddings",
            remedy="Run the genomics pipeline again.",
        )
    genes = [gene for gene in dict.fromkeys(gene_of) if gene in set(gene_of.loc[region_ids])]
    row = {gene: number for number, gene in enumerate(genes)}
    pooled = np.zeros((len(samples), len(genes), len(names)))
    exons = gene_of.loc[region_ids].value_counts()  # per gene
    # One gather per exon and haplotype: no array of subjects × exons × dim is ever made.
    for number, region_id in enumerate(region_ids):
        gene = gene_of[region_id]
        pooled[:, row[gene]] += embeddings[carried[:, number, 0]]
        pooled[:, row[gene]] += embeddings[carried[:, number, 1]]
    pooled /= 2 * exons.loc[genes].to_numpy()[:, None]
    columns = [feature_name("genomics", encoder_id, gene, name) for gene in genes for name in names]
    return pd.DataFrame(
        pooled.reshape(len(samples), -1), index=pd.Index(samples, name=SUBJECT), columns=columns
    )
