from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest


def write_fasta(path: Path, contigs: dict[str, str]) -> Path:
    lines = []
    for name, sequence in contigs.items():
        lines += [f">{name}", *(sequence[i : i + 60] for i in range(0, len(sequence), 60))]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_vcf(
    path: Path, contigs: dict[str, int], samples: list[str], rows: list[tuple], *, index=True
) -> Path:
    """Rows are (chrom, 1-based position, ref, alt, genotypes)."""
    text = ["##fileformat=VCFv4.2"]
    text += [f"##contig=<ID={name},length={length}>" for name, length in contigs.items()]
    text += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    text += ['##ALT=<ID=DEL,Description="Deletion">']
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    fixed += ["FORMAT"] if samples else []
    text += ["\t".join([*fixed, *samples])]
    for chrom, position, ref, alt, genotypes in rows:
        calls = ["GT", *genotypes] if samples else []
        text.append("\t".join([chrom, str(position), ".", ref, alt, ".", ".", ".", *calls]))
    plain = path.with_suffix("")
    plain.write_text("\n".join(text) + "\n")
    pysam.tabix_compress(str(plain), str(path), force=True)
    if index:
        pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


@pytest.fixture
def files(tmp_path):
    """Make (fasta, vcf) from contigs, samples and rows."""

    def make(contigs, samples, rows, **options):
        fasta = write_fasta(tmp_path / "reference.fa", contigs)
        lengths = {name: len(sequence) for name, sequence in contigs.items()}
        lengths = options.pop("vcf_contigs", lengths)
        return fasta, write_vcf(tmp_path / "variants.vcf.gz", lengths, samples, rows, **options)

    return make


class RandomCohort:
    """Random reference and variants, with overlaps, multi-allelic records and missing calls."""

    def __init__(self, seed: int, n_samples: int = 6, length: int = 600, n_records: int = 90):
        rng = np.random.default_rng(seed)
        self.samples = [f"s{number}" for number in range(n_samples)]
        self.contigs = {
            name: "".join(rng.choice(list("ACGT"), length)) for name in ("chr1", "chr2")
        }
        self.rows = []
        for chrom, sequence in self.contigs.items():
            for start in sorted(rng.integers(5, length - 8, n_records)):
                ref, alts = self._alleles(rng, sequence, int(start))
                calls = rng.choice(len(alts) + 1, size=(n_samples, 2), p=self._weights(len(alts)))
                texts = [
                    "|".join("." if rng.random() < 0.04 else str(a) for a in pair) for pair in calls
                ]
                self.rows.append((chrom, int(start) + 1, ref, ",".join(alts), texts))

    @staticmethod
    def _weights(n_alts):
        return [0.6, *([0.4 / n_alts] * n_alts)]

    @staticmethod
    def _alleles(rng, sequence, start):
        kind = rng.choice(["snv", "multi", "mnp", "insertion", "deletion", "mixed"])
        base = sequence[start]
        others = [letter for letter in "ACGT" if letter != base]
        if kind == "snv":
            return base, [str(rng.choice(others))]
        if kind == "multi":
            return base, others[:2]
        if kind == "mnp":
            ref = sequence[start : start + 2]
            return ref, [others[0] + next(letter for letter in "ACGT" if letter != ref[1])]
        if kind == "insertion":
            return base, [base + "".join(rng.choice(list("ACGT"), rng.integers(1, 4)))]
        ref = sequence[start : start + int(rng.integers(2, 5))]
        if kind == "deletion":
            return ref, [base]
        return ref, [base, ref[0] + "G" + ref[1:]]

    def inside(self, regions: pd.DataFrame) -> list[tuple]:
        """Rows whose reference allele lies inside a region."""
        return [
            row
            for row in self.rows
            if any(
                region.chrom == row[0]
                and region.start <= row[1] - 1
                and row[1] - 1 + len(row[2]) <= region.end
                for region in regions.itertuples()
            )
        ]


@pytest.fixture(params=[0, 1, 2])
def cohort(request):
    return RandomCohort(request.param)
