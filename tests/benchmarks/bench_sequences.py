"""Personal sequences beside bcftools: ``PYTHONPATH=. python tests/benchmarks/bench_sequences.py``.

Simulated exomes: ten exons a gene, a variant every 20 bases, a twelfth of them indels, allele
counts that fall off as 1/count, phased and without linkage, as VCF. `personal_sequences` cuts both
sequences of every exon of everybody in one call and keeps each distinct one once; ``bcftools
consensus`` gets the exons as one FASTA and runs once per person and haplotype. Every letter must be
the same.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tests.benchmarks.programs import Record, compare, run_program, run_python, show
from tests.genome.conftest import write_fasta, write_vcf

NAME, ALTERNATIVE = "personal sequences", "bcftools consensus"
PEOPLE, GENES, TURNS = 100, 38, 3
TINY = {"people": 5, "genes": 3, "turns": 1}
EXONS, EXON, INTRON, APART = 10, 170, 800, 20
OURS = """
import hashlib, sys, time
import pandas as pd
from neurogenomics_kb.genome.haplotypes import personal_sequences
reference, regions, variants = sys.argv[1:]
start = time.process_time()
regions = pd.read_csv(regions, sep="\\t")
found = personal_sequences(reference, regions, variants)

def tell():
    order = pd.Categorical(found.index["region_id"], regions["region_id"], ordered=True)
    index = found.index.assign(region_id=order).sort_values(["sample", "haplotype", "region_id"])
    return {
        f"{sample} {haplotype}": hashlib.sha256(
            " ".join(found.distinct[i] for i in own["sequence_id"]).encode()
        ).hexdigest()
        for (sample, haplotype), own in index.groupby(["sample", "haplotype"])
    }
"""


def simulate(folder: Path, people: int, genes: int) -> list[str]:
    """Reference, exons, the exons' sequences and a VCF; names of the people."""
    rng = np.random.default_rng(0)
    starts = INTRON + np.arange(genes * EXONS) * (EXON + INTRON)
    length = int(starts[-1]) + EXON + INTRON
    reference = "".join(rng.choice(list("ACGT"), length))
    write_fasta(folder / "reference.fa", {"chr1": reference})
    ids = [f"G{i // EXONS}.{i % EXONS + 1}" for i in range(len(starts))]
    regions = pd.DataFrame({"region_id": ids, "chrom": "chr1", "start": starts})
    regions.assign(end=starts + EXON, strand="+").to_csv(
        folder / "regions.tsv", sep="\t", index=False
    )
    exons = {f"chr1:{s + 1}-{s + EXON}": reference[s : s + EXON] for s in starts.tolist()}
    write_fasta(folder / "exons.fa", exons)
    samples = [f"s{i:05d}" for i in range(people)]
    rows = []
    for start in starts.tolist():
        for place in range(start + 5, start + EXON - APART, APART):
            rows.append(_variant(rng, reference, place + int(rng.integers(0, 12)), people))
    write_vcf(folder / "v.vcf.gz", {"chr1": length}, samples, rows)
    return samples


def _variant(rng: np.random.Generator, reference: str, place: int, people: int) -> tuple:
    """A row of a VCF: a base, or in one of twelve an insertion or a deletion of two bases."""
    base = reference[place]
    ref, alt = base, str(rng.choice([other for other in "ACGT" if other != base]))
    kind = rng.random()
    if kind < 1 / 24:
        alt = base + "".join(rng.choice(list("ACGT"), 2))
    elif kind < 1 / 12:
        ref, alt = reference[place : place + 3], base
    copies = np.arange(1, 2 * people)
    carriers = int(rng.choice(copies, p=(1 / copies) / (1 / copies).sum()))
    carried = np.zeros(2 * people, dtype=int)
    carried[rng.permutation(2 * people)[:carriers]] = 1
    return "chr1", place + 1, ref, alt, [f"{a}|{b}" for a, b in carried.reshape(-1, 2)]


def read_hash(path: Path) -> str:
    """Hash of the sequences of a FASTA, in their order."""
    parts = path.read_text().split(">")[1:]
    sequences = ["".join(part.splitlines()[1:]) for part in parts]
    return hashlib.sha256(" ".join(sequences).encode()).hexdigest()


def run(tiny: bool = False) -> list[Record]:
    """Compare.

    Parameters
    ----------
    tiny : bool
        Few people and genes and one turn, for the agreement alone.

    Returns
    -------
    list of dict
    """
    if shutil.which("bcftools") is None:
        return [{"name": NAME, "alternative": ALTERNATIVE, "skipped": "bcftools not installed"}]
    people, genes, turns = TINY.values() if tiny else (PEOPLE, GENES, TURNS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = simulate(folder, people, genes)
        carriers = [(sample, haplotype) for sample in samples for haplotype in "12"]
        commands = [
            ["bcftools", "consensus", "-f", folder / "exons.fa", "-s", sample, "-H", haplotype,
             "-o", folder / f"{sample} {haplotype}.fa", folder / "v.vcf.gz"]
            for sample, haplotype in carriers
        ]  # fmt: skip

        def agree(hashes: dict[str, str]) -> str:
            theirs = {f"{s} {h}": read_hash(folder / f"{s} {h}.fa") for s, h in carriers}
            if hashes != theirs:
                wrong = sum(hashes.get(key) != value for key, value in theirs.items())
                raise AssertionError(f"sequences of {wrong} of {len(theirs)} haplotypes differ")
            return "equal"

        files = [folder / each for each in ("reference.fa", "regions.tsv", "v.vcf.gz")]
        return [
            compare(
                partial(run_python, OURS, *files), partial(run_program, *commands), agree, turns,
                name=NAME, size=f"{people:,} people x {genes * EXONS:,} exons",
                alternative=ALTERNATIVE,
            )
        ]  # fmt: skip


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="agreement only, in seconds")
    show(run(parser.parse_args().tiny))


if __name__ == "__main__":
    main()
