"""Genomics: reference, annotation and variants to gene embeddings per subject."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.genomics.nodes import (
    assess_quality,
    build_features,
    count_dosages,
    embed_sequences,
    extract_personal_sequences,
    extract_regions,
)


def create_pipeline() -> Pipeline:
    """Genomics pipeline; `recipe` names the encoders. Long, being a list of nodes."""
    return Pipeline(
        [
            Node(
                extract_regions,
                ["annotation", "reference", "elements", "params:sequences", "recipe"],
                "regions",
                name="extract_regions",
            ),
            Node(
                extract_personal_sequences,
                ["reference", "regions", "variants", "params:sequences"],
                [
                    "distinct_sequences",
                    "haplotype_index",
                    "call_rates",
                    "gene_call_rates",
                    "sequence_counts",
                ],
                name="extract_personal_sequences",
            ),
            Node(
                count_dosages,
                ["regions", "variants", "recipe"],
                "dosages",
                name="count_dosages",
            ),
            Node(
                embed_sequences,
                ["distinct_sequences", "haplotype_index", "recipe", "params:cache"],
                ["exon_embeddings", "encoding"],
                name="embed_sequences",
            ),
            Node(
                assess_quality,
                [
                    "call_rates",
                    "polygenic_scores",
                    "gene_embeddings",
                    "params:quality",
                    "params:scores",
                ],
                "quality",
                name="assess_quality",
            ),
            Node(
                build_features,
                [
                    "exon_embeddings",
                    "haplotype_index",
                    "regions",
                    "dosages",
                    "polygenic_scores",
                    "gene_embeddings",
                    "quality",
                    "pooling_weights",
                    "params:scores",
                    "recipe",
                ],
                "features",
                name="build_features",
            ),
        ],
        namespace="genomics",
        inputs={"recipe"},
    )
