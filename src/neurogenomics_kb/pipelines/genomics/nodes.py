"""Nodes of the genomics pipeline."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.checkpoints import locate
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT
from neurogenomics_kb.genome.cache import (
    EmbeddingCache,
    count_carriers,
    embed_once,
    encoder_fingerprint,
)
from neurogenomics_kb.genome.dosages import allele_dosages
from neurogenomics_kb.genome.encoders import Encoder, load_encoder
from neurogenomics_kb.genome.haplotypes import PersonalSequences, personal_sequences
from neurogenomics_kb.genome.imported import embedding_features
from neurogenomics_kb.genome.polygenic import score_features
from neurogenomics_kb.genome.pooling import pool_genes, prior_weights
from neurogenomics_kb.genome.regions import exon_regions
from neurogenomics_kb.genome.regulatory import regulatory_regions
from neurogenomics_kb.genome.sequences import contig_lengths
from neurogenomics_kb.genome.variants import GenotypeOptions
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.genomics.levels import (
    counts_alleles,
    gene_encoders,
    gene_pooling,
    regulatory_window,
    wanted_genes,
)
from neurogenomics_kb.pipelines.genomics.parameters import (
    CacheParameters,
    GenomicsQuality,
    ScoreParameters,
    SequenceParameters,
)
from neurogenomics_kb.pipelines.quality import keep_included, quality_table
from neurogenomics_kb.pipelines.twins import announce_twins
from neurogenomics_kb.registry.recipe import Recipe

logger = logging.getLogger(__name__)

STRANDS_MEASURED = 20
_ORDINARY = {"records", "applied_alleles"}


def extract_regions(
    annotation: pd.DataFrame,
    reference: Path,
    elements: pd.DataFrame,
    sequences: SequenceParameters,
    recipe: Recipe,
) -> pd.DataFrame:
    """Regions of the wanted genes, once it is sure that encoders have their weights."""
    if is_absent(annotation, reference):
        return empty_table()
    for spec in gene_encoders(recipe).values():
        # Hours of personal sequences later would be late to hear of it.
        if "weights" in spec:
            locate(spec["weights"], spec.get("revision"))
    contigs = contig_lengths(reference)
    window = regulatory_window(recipe)
    genes = wanted_genes(recipe, sequences.genes)
    if window is None:
        regions = exon_regions(annotation, contigs, genes, transcripts=sequences.transcripts)
    else:
        regions = regulatory_regions(
            annotation,
            contigs,
            window,
            genes,
            None if is_absent(elements) else elements,
            transcripts=sequences.transcripts,
        )
    bases = int((regions["end"] - regions["start"]).sum())
    logger.info(
        "genomics: %d regions of %d units, %s bases a haplotype",
        len(regions),
        regions["gene_id"].nunique(),
        f"{bases:,}",
    )
    return regions


def extract_personal_sequences(
    reference: Path,
    regions: pd.DataFrame,
    variants: Path | GenotypeOptions,
    sequences: SequenceParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Distinct sequences, who carries which, missing call rates, and counts of what was skipped."""
    if is_absent(reference, variants) or regions.empty:
        return empty_table(), empty_table(), empty_table(), empty_table(), {}
    personal = personal_sequences(
        reference, regions, variants, missing=sequences.missing, unphased=sequences.unphased
    )
    total = len(personal.index)
    distinct = pd.DataFrame(
        {"sequence": personal.distinct, "length": [len(text) for text in personal.distinct]}
    ).rename_axis("sequence_id")
    logger.info(
        "genomics: %d distinct among %d sequences (1 in %.0f) from %d records",
        len(distinct),
        total,
        total / max(len(distinct), 1),
        personal.counts["records"],
    )
    skipped = {n: c for n, c in personal.counts.items() if c and n not in _ORDINARY}
    if skipped:
        logger.info("genomics: %s", ", ".join(f"{n} {c}" for n, c in skipped.items()))
    rates = personal.missing_call_rate.rename_axis(SUBJECT).to_frame()
    return distinct, personal.index, rates, gene_call_rates(personal, regions), personal.counts


def gene_call_rates(personal: PersonalSequences, regions: pd.DataFrame) -> pd.DataFrame:
    """Share of each gene's records with a missing allele, subjects by genes.

    What missing calls become (the reference) can tell batches apart, so the audit needs them.
    """
    genes = regions["gene_id"].astype(str).to_numpy()
    missing = personal.missing_calls.T.groupby(genes, sort=False).sum().T
    records = pd.Series(personal.records.to_numpy()).groupby(genes, sort=False).sum()
    rates = missing / records.clip(lower=1)
    return rates.rename_axis(index=SUBJECT, columns=None)


def count_dosages(
    regions: pd.DataFrame, variants: Path | GenotypeOptions, recipe: Recipe
) -> pd.DataFrame:
    """Alternate alleles of everybody inside the regions, where the recipe asks for them."""
    if is_absent(variants) or regions.empty or not counts_alleles(recipe):
        return empty_table()
    dosages = allele_dosages(regions, variants)
    logger.info("genomics: dosages of %d alternate alleles", dosages.shape[1])
    return dosages


def embed_sequences(
    distinct_sequences: pd.DataFrame,
    haplotype_index: pd.DataFrame,
    recipe: Recipe,
    cache: CacheParameters,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Embed each distinct sequence once with each encoder of the recipe; say how it was done."""
    if distinct_sequences.empty:
        return empty_table(), {}
    texts = distinct_sequences["sequence"].tolist()
    carriers = count_carriers(haplotype_index, len(texts))
    blocks, columns, notes = [np.empty((len(texts), 0))], [], {}
    announce_twins("genomics", gene_encoders(recipe), f"{len(texts):,} distinct sequences")
    for encoder_id, spec in gene_encoders(recipe).items():
        encoder = load_encoder(spec)
        logger.info("genomics: embedding %d sequences with %s", len(texts), encoder_id)
        vectors, computed = embed_with(encoder_id, spec, encoder, texts, carriers, cache)
        blocks.append(vectors)
        columns += [f"{encoder_id}{SEPARATOR}{name}" for name in encoder.names]
        notes[encoder_id] = {
            **encoder.framing,
            "sequences": len(haplotype_index),
            "distinct": len(texts),
            "computed": computed,
            "strand": encoder.strand,
            "strand_difference": median_strand_difference(encoder, texts),
        }
    table = pd.DataFrame(np.hstack(blocks), index=distinct_sequences.index, columns=columns)
    return table, notes


def embed_with(
    encoder_id: str,
    spec: dict[str, Any],
    encoder: Encoder,
    texts: list[str],
    carriers: np.ndarray,
    cache: CacheParameters,
) -> tuple[np.ndarray, int]:
    """Vectors of distinct sequences, through the caches where an encoder is costly."""
    if not getattr(encoder, "weights_fingerprint", ""):
        return encoder.embed(texts), len(texts)
    name = encoder_fingerprint(encoder_id, spec, encoder)
    shared = EmbeddingCache(cache.shared, name, encoder.dim) if cache.shared else None
    done = embed_once(
        encoder,
        texts,
        EmbeddingCache(cache.folder, name, encoder.dim),
        shared=shared,
        carriers=carriers,
        minimum_cell=cache.minimum_cell,
    )
    return done.vectors, done.computed


def median_strand_difference(encoder: Encoder, texts: list[str]) -> float | None:
    """How much the strands of a model differ before they are averaged, over a few sequences."""
    measure = getattr(encoder, "strand_difference", None)
    if measure is None:
        return None
    some = texts[:: max(1, len(texts) // STRANDS_MEASURED)][:STRANDS_MEASURED]
    return float(np.median([measure(text) for text in some]))


def assess_quality(
    call_rates: pd.DataFrame,
    polygenic_scores: pd.DataFrame,
    gene_embeddings: pd.DataFrame,
    quality: GenomicsQuality,
    scores: ScoreParameters,
) -> pd.DataFrame:
    """Missing call rate of every subject with genotypes, scores or embeddings, and who passes."""
    if call_rates.empty and is_absent(polygenic_scores) and is_absent(gene_embeddings):
        return empty_table()
    scored = pd.Index([], dtype=str)
    if not is_absent(polygenic_scores):
        scored = score_features(polygenic_scores, scores.id_column).index
    if call_rates.empty:
        embedded = pd.Index([], dtype=str)
        if not is_absent(gene_embeddings):
            embedded = embedding_features(gene_embeddings, scores.id_column).index
        metrics = pd.DataFrame(index=scored.union(embedded).rename(SUBJECT))
        lacking = pd.Series(~metrics.index.isin(embedded), metrics.index)
        failures = {} if is_absent(gene_embeddings) else {"no gene embeddings": lacking}
        return quality_table("genomics", metrics, failures, quality.exclude)
    metrics = call_rates.reindex(call_rates.index.union(scored)).rename_axis(SUBJECT)
    rate = metrics["missing_call_rate"]
    limit = quality.max_missing_call_rate
    failures = {"no genotypes": rate.isna(), f"missing call rate above {limit:g}": rate > limit}
    unscored = 0 if is_absent(polygenic_scores) else len(metrics.index.difference(scored))
    if unscored:
        logger.warning("genomics: %d subjects have no polygenic scores (left missing)", unscored)
    return quality_table("genomics", metrics, failures, quality.exclude)


def build_features(
    exon_embeddings: pd.DataFrame,
    haplotype_index: pd.DataFrame,
    regions: pd.DataFrame,
    dosages: pd.DataFrame,
    polygenic_scores: pd.DataFrame,
    gene_embeddings: pd.DataFrame,
    quality: pd.DataFrame,
    pooling_weights: pd.DataFrame,
    scores: ScoreParameters,
    recipe: Recipe,
) -> pd.DataFrame:
    """Gene embeddings, dosages and polygenic scores of the subjects that pass.

    Every parameter is a dataset that the node reads, which is why there are many.
    """
    if quality.empty:
        return empty_table()
    included = quality.index[quality["included"]]
    blocks = [pd.DataFrame(index=included)]
    if not exon_embeddings.empty:
        carried = haplotype_index[haplotype_index["sample"].isin(included)]
        encoders = exon_embeddings.columns.str.partition(SEPARATOR)
        embedded, pooling, weights = exon_embeddings.to_numpy(), gene_pooling(recipe), None
        if any(how.reads_weights for how in pooling.values()) and not is_absent(pooling_weights):
            weights = prior_weights(pooling_weights)
        for encoder_id in encoders.get_level_values(0).unique():
            own = encoders.get_level_values(0) == encoder_id
            names = encoders.get_level_values(2)[own].tolist()
            values, how = embedded[:, own], pooling[encoder_id]
            blocks.append(pool_genes(values, names, carried, regions, encoder_id, how, weights))
    if dosages.shape[1]:
        blocks.append(dosages)
    if not is_absent(gene_embeddings):
        blocks.append(made_elsewhere(gene_embeddings, blocks, scores.id_column))
    if not is_absent(polygenic_scores):
        blocks.append(score_features(polygenic_scores, scores.id_column))
    return keep_included(pd.concat([block.reindex(included) for block in blocks], axis=1), quality)


def made_elsewhere(
    gene_embeddings: pd.DataFrame, blocks: list[pd.DataFrame], id_column: str
) -> pd.DataFrame:
    """Embeddings of a table, unless this run makes them itself.

    Raises
    ------
    InputError
        If an encoder's embeddings come from both.
    """
    features = embedding_features(gene_embeddings, id_column)
    twice = next((c for block in blocks for c in block if c in features), None)
    if twice is not None:
        raise InputError(
            "the cohort has variants, from which the same embedding is made",
            file="genomics.gene_embeddings",
            column=twice,
            remedy="Declare either the variants or the embeddings as not collected.",
        )
    return features
