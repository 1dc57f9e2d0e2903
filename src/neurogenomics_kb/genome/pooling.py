"""From embeddings of distinct sequences to one row per subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import require_columns, require_numbers, require_unique_ids

ALL_GENES = "all_genes"


@dataclass(frozen=True)
class Pooling:
    """How exons become genes, and genes a subject.

    Parameters
    ----------
    gene : {"mean", "length_weighted", "prior_weighted"}
        Exons weigh the same, by their bases, or by a table.
    subject : {"concatenate", "mean", "max", "prior_weighted"}
        Genes stand side by side, or become one vector: their mean, their largest value per
        component, or their mean by a table's weights.
    """

    gene: str = "mean"
    subject: str = "concatenate"

    @property
    def reads_weights(self) -> bool:
        """Whether it needs a table of weights."""
        return "prior_weighted" in (self.gene, self.subject)


def prior_weights(table: pd.DataFrame, *, file: str = "genomics.pooling_weights") -> pd.Series:
    """Weights of exons or genes, by ``id``.

    Parameters
    ----------
    table : DataFrame
        ``id`` (a region such as ``APOE.1``, or a gene) and ``weight`` (at least 0).
    file : str
        What to call the table in messages.

    Raises
    ------
    InputError
        If a column is missing, ids repeat, or a weight is missing or negative.
    """
    require_columns(table, ("id", "weight"), file)
    require_unique_ids(table["id"], file, "id")
    require_numbers(table["weight"], file, "weight")
    weights = table.set_index(table["id"].astype(str))["weight"].astype(float)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        raise InputError(
            f"{int(wrong.sum())} weights are missing or negative, first that of "
            f"{weights.index[wrong][0]}",
            file=file,
            column="weight",
            remedy="Give every id a weight of 0 or more.",
        )
    return weights


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
    pooling: Pooling | None = None,
    weights: pd.Series | None = None,
) -> pd.DataFrame:
    """Pool exon embeddings into gene embeddings, and those into a row per subject.

    The two haplotypes are averaged, so that a gene's vector is linear in the number of copies of
    each haplotype that a subject carries.

    Parameters
    ----------
    embeddings : ndarray, shape (n_distinct, dim)
        Embedding of each distinct sequence.
    names : list of str, length dim
        Names of the embedding's components.
    index : DataFrame
        ``sample, region_id, haplotype, sequence_id``.
    regions : DataFrame
        ``region_id, gene_id``; ``start, end`` too where exons weigh by their length.
    encoder_id : str
        Id of the encoder, the features' group.
    pooling : Pooling, optional
        Default: exons weigh the same, genes stand side by side.
    weights : Series, optional
        Weight by region or gene, for ``prior_weighted``. They are divided by their sum within a
        gene (exons) or over the genes.

    Returns
    -------
    DataFrame, shape (n_samples, n_genes * dim) or (n_samples, dim)
        Columns ``genomics__<encoder id>__<gene>__<component>``, with ``all_genes`` for the gene
        where genes became one vector; index ``subject_id``.

    Raises
    ------
    InputError
        If the index is incomplete, or names a region or sequence that is not there, or weights
        are wanted and a region or gene has none.
    """
    pooling = pooling or Pooling()
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
    share = _exon_shares(regions, region_ids, gene_of, pooling, weights)
    pooled = np.zeros((len(samples), len(genes), len(names)))
    # One gather per exon and haplotype: no array of subjects × exons × dim is ever made.
    for number, region_id in enumerate(region_ids):
        both = embeddings[carried[:, number, 0]] + embeddings[carried[:, number, 1]]
        pooled[:, row[gene_of[region_id]]] += both * (share[region_id] / 2)
    if pooling.subject != "concatenate":
        pooled, genes = _pool_subject(pooled, genes, pooling, weights), [ALL_GENES]
    columns = [feature_name("genomics", encoder_id, gene, name) for gene in genes for name in names]
    return pd.DataFrame(
        pooled.reshape(len(samples), -1), index=pd.Index(samples, name=SUBJECT), columns=columns
    )


def _exon_shares(
    regions: pd.DataFrame,
    region_ids: list[str],
    gene_of: pd.Series,
    pooling: Pooling,
    weights: pd.Series | None,
) -> pd.Series:
    """Weight of each exon in its gene; they add up to 1 in every gene."""
    if pooling.gene == "length_weighted":
        table = regions.set_index("region_id").loc[region_ids]
        raw = (table["end"] - table["start"]).astype(float)
    elif pooling.gene == "prior_weighted":
        raw = _weights_of(region_ids, weights, "exon")
    else:
        raw = pd.Series(1.0, region_ids)
    genes = gene_of.loc[region_ids]
    total = raw.groupby(genes.to_numpy()).sum()
    empty = total.index[total == 0].tolist()
    if empty:
        raise InputError(
            f"all exons of {listing(empty)} have weight 0",
            file="genomics.pooling_weights",
            remedy="Give one of them a weight, or leave the gene out.",
        )
    return raw / total.loc[genes].to_numpy()


def _pool_subject(
    pooled: np.ndarray, genes: list[str], pooling: Pooling, weights: pd.Series | None
) -> np.ndarray:
    """Genes to one vector; (n_samples, dim)."""
    if pooling.subject == "max":
        return pooled.max(axis=1)
    if pooling.subject == "mean":
        return pooled.mean(axis=1)
    raw = _weights_of(genes, weights, "gene").to_numpy()
    if not raw.sum():
        raise InputError(
            "all genes have weight 0",
            file="genomics.pooling_weights",
            remedy="Give a gene a weight.",
        )
    return np.einsum("sgd,g->sd", pooled, raw / raw.sum())


def _weights_of(ids: list[str], weights: pd.Series | None, what: str) -> pd.Series:
    if weights is None:
        raise InputError(
            f"the strategy weighs every {what} by a table, which was not collected",
            file="genomics.pooling_weights",
            remedy="Put a table with `id` and `weight` into the catalog.",
        )
    absent = [i for i in ids if i not in weights.index]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(ids)} {what}s have no weight ({listing(absent)})",
            file="genomics.pooling_weights",
            column="id",
            remedy="Add them; 0 leaves one out.",
        )
    return weights.loc[ids]
