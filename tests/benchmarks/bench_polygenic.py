"""Polygenic scores beside PLINK 2: ``PYTHONPATH=. python tests/benchmarks/bench_polygenic.py``.

A cohort of 400 people and a million variants (``plink2 --dummy``, 1 % of the calls missing), as
PGEN, PLINK 1 files, VCF and BCF, and scoring files of all variants as the PGS Catalog writes them.
Ours reads the scoring files and the genotypes, matches by position and alleles, and sums; PLINK 2
reads its own short table of weights and matches by id. Both put twice the frequency that the
scoring file names where a call is missing. Where several scores are computed, PLINK 2 gets one run
for all of them and one table, which somebody had to make of the files.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv
from tests.benchmarks.programs import Record, compare, run_program, run_python, show

NAME, ALTERNATIVE = "polygenic scores", "plink2 --score"
PEOPLE, VARIANTS, SCORES, TURNS = 400, 1_000_000, 4, 5
TINY = {"people": 40, "variants": 3000, "turns": 1}
TOLERANCE = 1e-6
OURS = """
import sys, time
from neurogenomics_kb.genome.pgs_catalog import read_scoring_file, score_people
start = time.process_time()
variants, *files = sys.argv[1:]
scores = [read_scoring_file(file) for file in files]
table, report = score_people(variants, scores, ambiguous="same_strand")
tell = table.iloc[:, 1:].to_numpy().T.tolist
"""
HEADER = "###PGS CATALOG SCORING FILE\n#format_version=2.0\n#pgs_id={}\n#HmPOS_build=GRCh38\n"


def simulate(folder: Path, people: int, variants: int, n_scores: int) -> None:
    """Genotypes in three formats, scoring files, and what PLINK 2 reads in their stead."""
    stem = folder / "d"
    plink = partial(_plink, "--pfile", stem)
    _plink("--dummy", people, variants, 0.01, "acgt", "--seed", 7, "--out", stem)
    table = pd.read_csv(stem.with_suffix(".pvar"), sep="\t")
    number = np.arange(variants)
    table["#CHROM"], table["POS"] = 1 + number * 22 // variants, 1 + 7 * number
    write(table, stem.with_suffix(".pvar"))
    rng = np.random.default_rng(1)
    # Few decimals, so that the six digits that PLINK 2 prints are all there are.
    weights = rng.integers(-10, 11, (variants, n_scores)) / 100
    frequency = rng.integers(0, 11, variants) / 10
    swapped = rng.random(variants) < 0.5
    effect = np.where(swapped, table["REF"], table["ALT"])
    other = np.where(swapped, table["ALT"], table["REF"])
    names = [f"PGS{i:06d}" for i in range(n_scores)]
    short = pd.DataFrame({"ID": table["ID"], "A1": effect})
    short[names] = weights
    write(short, folder / "weights.txt")
    alternate = np.where(swapped, 1 - frequency, frequency).round(1)
    columns = table[["#CHROM", "ID", "REF", "ALT"]]
    write(columns.assign(ALT_FREQS=alternate, OBS_CT=2 * people), folder / "d.afreq")
    for name, own in zip(names, weights.T, strict=True):
        rows = pd.DataFrame(
            {"rsID": table["ID"], "chr_name": table["#CHROM"], "chr_position": table["POS"],
             "effect_allele": effect, "other_allele": other, "effect_weight": own,
             "allelefrequency_effect": frequency, "hm_source": "ENSEMBL", "hm_rsID": table["ID"],
             "hm_chr": table["#CHROM"], "hm_pos": table["POS"]}
        )  # fmt: skip
        write(rows, folder / f"{name}.txt", HEADER.format(name))
    plink("--make-bed", "--out", stem)
    plink("--export", "vcf", "bgz", "--out", stem)
    plink("--export", "bcf", "--out", stem)
    for name in ("d.vcf.gz", "d.bcf"):
        run_program(["bcftools", "index", folder / name])


def write(table: pd.DataFrame, path: Path, header: str = "") -> None:
    """Write a table with tabs between its columns, below a header."""
    options = csv.WriteOptions(delimiter="\t", quoting_style="none", include_header=False)
    with path.open("wb") as stream:
        stream.write((header + "\t".join(table.columns) + "\n").encode())
        csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), stream, options)


def _plink(*arguments: object) -> None:
    run_program(["plink2", "--threads", "1", *map(str, arguments)])


def measure(folder: Path, form: str, n_scores: int, turns: int, size: str) -> Record:
    """One format and number of scores."""
    source, given = {
        "PGEN": ("d.pgen", "--pfile"),
        "PLINK 1": ("d.bed", "--bfile"),
        "VCF": ("d.vcf.gz", "--vcf"),
        "BCF": ("d.bcf", "--bcf"),
    }[form]  # fmt: skip
    files = sorted(folder.glob("PGS*.txt"))[:n_scores]
    command = [
        "plink2", "--threads", "1", given, folder / (source if form in ("VCF", "BCF") else "d"),
        "--read-freq", folder / "d.afreq", "--score", folder / "weights.txt", "1", "2", "header",
        "cols=scoresums", "--score-col-nums", ",".join(map(str, range(3, 3 + n_scores))),
        "--out", folder / "theirs",
    ]  # fmt: skip

    def agree(sums: list[list[float]]) -> str:
        printed = pd.read_csv(folder / "theirs.sscore", sep="\t").filter(like="_SUM")
        gap = np.abs(np.array(sums) - printed.to_numpy().T).max()
        if not gap <= TOLERANCE:
            raise AssertionError(f"largest difference {gap:.3g}, allowed are {TOLERANCE:g}")
        return f"largest difference {gap:.1e}"

    return compare(
        partial(run_python, OURS, folder / source, *files),
        partial(run_program, command),
        agree,
        turns,
        name=f"{NAME}, {form}, {n_scores} score{'s' * (n_scores > 1)}",
        size=size,
        alternative=ALTERNATIVE,
    )


def run(tiny: bool = False) -> list[Record]:
    """Compare.

    Parameters
    ----------
    tiny : bool
        Few people and variants and one turn, for the agreement alone.

    Returns
    -------
    list of dict
    """
    missing = [program for program in ("plink2", "bcftools") if shutil.which(program) is None]
    if missing:
        why = f"{' and '.join(missing)} not installed"
        return [{"name": NAME, "alternative": ALTERNATIVE, "skipped": why}]
    people, variants, turns = TINY.values() if tiny else (PEOPLE, VARIANTS, TURNS)
    size = f"{people:,} people x {variants:,} variants"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, people, variants, SCORES)
        kinds = [("PGEN", 1), ("PGEN", SCORES), ("PLINK 1", 1), ("VCF", 1), ("BCF", 1)]
        return [measure(folder, form, n, turns, size) for form, n in kinds]


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="agreement only, in seconds")
    show(run(parser.parse_args().tiny))


if __name__ == "__main__":
    main()
