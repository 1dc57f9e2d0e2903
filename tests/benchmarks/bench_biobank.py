"""Personal sequences and embeddings of a biobank's size: ``make benchmark``.

Exomes of 10,000 simulated people in 38 genes: ten exons a gene, a variant every 20 bases, a twelfth
of them indels, allele counts that fall off as 1/count (as a neutral population's do, so that most
variants are singletons), phased and without linkage. Written as PGEN, since that is what a biobank
has. Then one person more joins, and only what is new with him may be embedded.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pgenlib
from tests.benchmarks.bench_encoders import wide_hyena
from tests.genome.conftest import write_fasta

from neurogenomics_kb.genome.cache import EmbeddingCache, count_carriers, embed_once
from neurogenomics_kb.genome.encoders import load_encoder
from neurogenomics_kb.genome.haplotypes import personal_sequences
from neurogenomics_kb.genome.pooling import pool_genes

PEOPLE, GENES, EXONS, EXON, INTRON = 10_000, 38, 10, 170, 800
BASES_PER_VARIANT, INDELS = 20, 1 / 12


class Counted:
    """An encoder that counts what goes through it."""

    def __init__(self, encoder) -> None:
        self.encoder, self.sequences = encoder, 0

    def __getattr__(self, name):
        return getattr(self.encoder, name)

    def embed(self, texts):
        """Embed and count."""
        self.sequences += len(texts)
        return self.encoder.embed(texts)


def simulate(folder: Path, rng) -> tuple[Path, pd.DataFrame, Path]:
    """Reference, exons and a PGEN."""
    length = GENES * EXONS * (EXON + INTRON) + INTRON
    reference = "".join(rng.choice(list("ACGT"), length))
    fasta = write_fasta(folder / "reference.fa", {"chr1": reference})
    starts = INTRON + np.arange(GENES * EXONS) * (EXON + INTRON)
    regions = pd.DataFrame(
        [
            (f"G{i // EXONS}.{i % EXONS + 1}", f"G{i // EXONS}", "chr1", s, s + EXON, "+")
            for i, s in enumerate(starts)
        ],
        columns=["region_id", "gene_id", "chrom", "start", "end", "strand"],
    )
    sites = np.sort(
        np.concatenate([s + rng.choice(EXON - 6, EXON // BASES_PER_VARIANT, False) for s in starts])
    )
    counts = np.arange(1, PEOPLE)
    carried = rng.choice(counts, len(sites), p=(1 / counts) / (1 / counts).sum())
    writer = pgenlib.PgenWriter(
        str(folder / "exomes.pgen").encode(), PEOPLE + 1, variant_ct=len(sites),
        nonref_flags=False, hardcall_phase_present=True,
    )  # fmt: skip
    lines = ["#CHROM\tPOS\tID\tREF\tALT"]
    for site, count in zip(sites, carried, strict=True):
        base = reference[site]
        ref, alt = base, rng.choice([b for b in "ACGT" if b != base])
        if rng.random() < INDELS:
            ref, alt = (
                (reference[site : site + 4], base) if rng.random() < 0.5 else (base, base + alt)
            )
        lines.append(f"chr1\t{site + 1}\t.\t{ref}\t{alt}")
        alleles = np.zeros(2 * (PEOPLE + 1), dtype=np.int32)
        alleles[rng.choice(2 * PEOPLE, count, replace=False)] = 1
        # The person who joins later carries what is common, and some of what is rare.
        alleles[-2:] = rng.random(2) < max(count / (2 * PEOPLE), 0.005)
        writer.append_alleles(alleles, all_phased=True)
    writer.close()
    (folder / "exomes.pvar").write_text("\n".join(lines) + "\n")
    names = [f"p{i}" for i in range(PEOPLE + 1)]
    (folder / "exomes.psam").write_text("#IID\n" + "\n".join(names) + "\n")
    return fasta, regions, folder / "exomes.pgen"


def peak() -> float:
    """Peak memory of this process so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print seconds, memory and counts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fasta, regions, pgen = simulate(folder, np.random.default_rng(0))
        people = [f"p{i}" for i in range(PEOPLE + 1)]
        before, start = peak(), time.perf_counter()
        personal = personal_sequences(fasta, regions, pgen, people[:-1])
        seconds = time.perf_counter() - start
        total, distinct = len(personal.index), len(personal.distinct)
        print(
            f"{PEOPLE:,} people, {GENES} genes, {len(regions)} exons, "
            f"{personal.counts['records']:,} variants"
        )
        print(
            f"personal sequences    {seconds:8.1f} s, peak {peak():.2f} GB ({before:.2f} before); "
            f"{distinct:,} distinct among {total:,} (1 in {total / distinct:,.0f})"
        )
        encoder = Counted(load_encoder({"type": "hyenadna", "weights": str(wide_hyena(folder))}))
        cache = EmbeddingCache(folder / "cache", "hyena", encoder.dim)
        start = time.perf_counter()
        done = embed_once(encoder, personal.distinct, cache)
        seconds = time.perf_counter() - start
        assert encoder.sequences == done.computed == distinct
        bases = 2 * sum(map(len, personal.distinct))
        print(
            f"embedding             {seconds:8.1f} s, {encoder.sequences:,} sequences through the "
            f"encoder, {bases / seconds:,.0f} bases/s of both strands"
        )
        start = time.perf_counter()
        table = pool_genes(done.vectors, encoder.names, personal.index, regions, "hyena")
        print(
            f"pooling               {time.perf_counter() - start:8.1f} s, {table.shape[0]:,} x "
            f"{table.shape[1]:,}, peak {peak():.2f} GB"
        )
        more = personal_sequences(fasta, regions, pgen, people)
        again = embed_once(
            encoder, more.distinct, EmbeddingCache(folder / "cache", "hyena", encoder.dim)
        )
        new = len(set(more.distinct) - set(personal.distinct))
        assert again.computed == new
        print(f"one person more       {new:8d} new sequences, {again.computed} embedded")
        shared = count_carriers(personal.index, distinct) >= 10
        print(f"carried by 10 or more {int(shared.sum()):8,d} of {distinct:,} distinct sequences")


if __name__ == "__main__":
    main()
