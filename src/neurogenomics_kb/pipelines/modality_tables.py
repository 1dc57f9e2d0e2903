"""Tables between raw files and features, of every modality."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.foundation.naming import SUBJECT

MODALITIES = {
    "genomics": "genotypes and scores",
    "smri": "structural MRI",
    "dmri": "diffusion MRI",
    "fmri": "functional MRI",
    "eeg": "EEG",
    "behaviour": "questionnaires and tests",
    "clinical": "clinical text and images",
}
_INCLUDED = (
    Column("included", "Whether the person passes quality control.", "flag"),
    Column("reason", "Why not; empty for who passes.", "text"),
)
_MEASURES = "Measures that quality control looks at, in the units of their parameters."
_FEATURES = "Features, <modality>__<group>__<unit>[__<component>]."
_JSON = "How sequences, volumes or runs were embedded: scaling, pooling, counts, strand, weights."


def _quality(name: str, what: str, layer: str, file: str) -> Contract:
    meaning = f"Quality of one person's {what}."
    return Contract(name, meaning, layer, _INCLUDED, index=SUBJECT, further=_MEASURES, file=file)


def _of_person(name: str, meaning: str, further: str) -> Contract:
    folder, table = name.split(".")
    return Contract(
        name, meaning, "intermediate", index=SUBJECT, further=further,
        file=f"{folder}/{table}.parquet",
    )  # fmt: skip


def _encoding(modality: str) -> Contract:
    return Contract(
        f"{modality}.encoding", _JSON, "intermediate", format="json", private=False,
        file=f"{modality}/encoding.json",
    )  # fmt: skip


TABLES = (
    *(
        _quality(f"{m}.quality", what, "primary", f"{m}.quality.parquet")
        for m, what in MODALITIES.items()
    ),
    *(
        Contract(
            f"{m}.features", f"Features of one person's {what}.", "feature", index=SUBJECT,
            further=_FEATURES, file=f"{m}.features.parquet", by_column=True,
        )
        for m, what in MODALITIES.items()
    ),
    _quality(
        "smri.table_quality", "FreeSurfer tables and image", "intermediate",
        "smri/table_quality.parquet",
    ),
    _quality("fmri.run_quality", "runs", "intermediate", "fmri/run_quality.parquet"),
    _encoding("genomics"),
    _encoding("smri"),
    _encoding("fmri"),
    _of_person("smri.encoder_features", "Embeddings of one person's T1 volume.", _FEATURES),
    _of_person("fmri.connectivity_features", "Connectivity of one person.", _FEATURES),
    _of_person("fmri.encoder_features", "Embeddings of one person's runs.", _FEATURES),
    _of_person("behaviour.items", "Scores of one person.", _FEATURES),
    _of_person(
        "behaviour.missing_items", "Missing answers of one person.",
        "Number of missing answers of one instrument or column.",
    ),
    Contract(
        "eeg.runs", "One recording: length, bad channels, clean segments.", "intermediate",
        index="recording", further=_MEASURES, file="eeg/runs.parquet",
    ),
    Contract(
        "eeg.run_features", "Features of one recording.", "intermediate", index="recording",
        further=_FEATURES, file="eeg/run_features.parquet",
    ),
    Contract(
        "eeg.wave_features", "EEG features of one person and session.", "feature",
        index=SUBJECT,
        further=_FEATURES, file="eeg.wave_features.parquet",
    ),
    Contract(
        "genomics.regions",
        "One region whose sequence is cut from the genome.",
        "intermediate",
        (
            Column("region_id", "Name of the region.", "text"),
            Column("gene_id", "Gene that it belongs to.", "text"),
            Column("chrom", "Contig of the reference.", "text"),
            Column("start", "First base, from 0.", "integer", "bases"),
            Column("end", "Base after the last, from 0.", "integer", "bases"),
            Column("strand", "Strand of the gene, + or -.", "text"),
        ),
        further="What the annotation says of the region beside that.",
        file="genomics/regions.parquet",
    ),
    Contract(
        "genomics.distinct_sequences",
        "One distinct sequence that somebody of the cohort carries.",
        "intermediate",
        (
            Column("sequence", "Bases, forward strand of the reference.", "text"),
            Column("length", "Length of the sequence.", "integer", "bases"),
        ),
        index="sequence_id",
        further="What else is known of a sequence.",
        file="genomics/distinct_sequences.parquet",
    ),
    Contract(
        "genomics.haplotype_index",
        "Which distinct sequence one haplotype of one person carries in one region.",
        "intermediate",
        (
            Column("sample", "Person.", "text"),
            Column("region_id", "Region.", "text"),
            Column("haplotype", "Haplotype, 1 or 2.", "integer"),
            Column("sequence_id", "Distinct sequence.", "integer"),
        ),
        further="What else is known of a haplotype.",
        file="genomics/haplotype_index.parquet",
    ),
    _of_person(
        "genomics.call_rates", "Missing genotype calls of one person.",
        "Shares of missing calls, 0 to 1.",
    ),
    _of_person(
        "genomics.gene_call_rates", "Missing genotype calls of one person, a column per gene.",
        "Share of missing calls in the gene, 0 to 1.",
    ),
    _of_person(
        "genomics.dosages", "Alternate alleles of one person, a column per gene and allele.",
        _FEATURES,
    ),
    Contract(
        "genomics.sequence_counts", "How many sequences there are, and how many are distinct.",
        "intermediate", format="json", file="genomics/sequence_counts.json",
    ),
    Contract(
        "genomics.exon_embeddings", "Embedding of one distinct sequence.", "intermediate",
        index="sequence_id", further="<encoder>__<component>.",
        file="genomics/exon_embeddings.parquet",
    ),
)  # fmt: skip
