"""Scores in one pass are what they are row by row, and what PLINK 2 makes of them."""

from __future__ import annotations

import gzip
import shutil
import subprocess

import numpy as np
import pandas as pd
import pysam.bcftools
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.allele_choice import (
    AMBIGUOUS,
    BASES,
    NO_OTHER,
    OTHER_ALLELES,
    choices_of_bases,
    choose,
)
from neurogenomics_kb.genome.builds import chromosome_name
from neurogenomics_kb.genome.pgs_catalog import read_scoring_file, score_people
from neurogenomics_kb.genome.scoring_files import candidates
from neurogenomics_kb.genome.site_blocks import BlockReader, blocks_of
from neurogenomics_kb.genome.split_sites import sites
from neurogenomics_kb.genome.variants import GENOTYPE_FORMATS, open_variants
from tests.extending import toy_genotypes
from tests.genome.conftest import write_vcf
from tests.genome.test_pgen import write_pgen

HEADER = "###PGS CATALOG SCORING FILE\n#format_version=2.0\n#pgs_id={}\n#HmPOS_build=GRCh38\n"
COLUMNS = [
    "hm_chr", "hm_pos", "effect_allele", "other_allele", "effect_weight", "allelefrequency_effect",
]  # fmt: skip
COMPLEMENT = dict(zip("ACGT", "TGCA", strict=True))
PEOPLE = [f"p{i}" for i in range(7)]
LENGTHS = dict.fromkeys(["chr1", "chr2", "chrX"], 100_000)


def row_by_row(calls, score, ambiguous):
    """Sum of one score and what became of its rows, one region of the file for each."""
    total = np.zeros(len(calls.samples))
    counts = dict.fromkeys(["matched", "flipped", "ambiguous", "absent", "other_alleles"], 0)
    missing = 0
    for row in score.variants.itertuples():
        found = [
            record
            for contig in calls.contigs
            if chromosome_name(contig) == row.chrom
            for record in calls.records(contig, row.pos - 1, row.pos)
            if record.position == row.pos - 1
        ]
        chosen = "absent"
        if found:
            chosen = choose(sites(found), row.effect, candidates(row.other), ambiguous)
        if isinstance(chosen, str):
            counts[chosen] += 1
            continue
        site, allele, flipped = chosen
        copies, known = site.copies(allele)
        frequency = 0 if pd.isna(row.frequency) else row.frequency
        total += row.weight * np.where(known, copies, 2 * frequency)
        counts["matched"] += 1
        counts["flipped"] += flipped
        missing += int((~known).sum())
    return total, counts, missing


def draw_rows(rng, n=90):
    """Records of every kind, some of them split or repeated, with gaps in their calls."""
    kinds = rng.choice(
        ["base"] * 8 + ["three", "split", "deletion", "repeat", "symbol", "beside"], n
    )
    rows = []
    for kind, place in zip(kinds, rng.permutation(np.arange(100, 100 + 40 * n, 40)), strict=True):
        contig = str(rng.choice(list(LENGTHS)))
        # Some lie far from all others.
        position = int(place) + 50_000 * int(rng.random() < 0.1)
        ref, one, two = map(str, rng.permutation(list("ACGT"))[:3])
        alts = {
            "three": [f"{one},{two}"], "split": [one, two], "repeat": [one, one],
            "symbol": ["<DEL>"], "beside": [one, ref + "GG"],
        }.get(kind, [one])  # fmt: skip
        if kind == "deletion":
            ref, alts = ref + one, [ref]
        for alt in alts:
            calls = ["|".join(map(str, rng.integers(0, alt.count(",") + 2, 2))) for _ in PEOPLE]
            calls = ["./." if rng.random() < 0.07 else call for call in calls]
            rows.append((contig, position, ref, alt, calls))
    return sorted(rows, key=lambda row: row[:2])


def draw_scores(folder, rng, rows, n=3):
    """Scoring files of rows, on either strand, with and without the other allele or a frequency."""
    scores = []
    for number in range(n):
        lines, taken = [], set()
        for i in rng.permutation(len(rows))[: int(rng.integers(30, len(rows)))]:
            contig, position, ref, alt, _ = rows[i]
            if (contig, position) in taken:
                continue
            taken.add((contig, position))
            alleles = [ref, *(a for a in alt.split(",") if a.isalpha())]
            effect, other = rng.permutation([*alleles, "T"] if len(alleles) < 2 else alleles)[:2]
            kind = rng.random()
            if kind < 0.2:
                effect, other = ("".join(COMPLEMENT[c] for c in a) for a in (effect, other))
            elif kind < 0.35:
                other = ""
            elif kind < 0.45:
                other = f"{other}/A"
            elif kind < 0.5:
                position += 1
            frequency = round(rng.random(), 3) if rng.random() < 0.8 else ""
            weight = round(rng.normal(), 4)
            lines.append((contig, position, effect, other, weight, frequency))
        file = folder / f"s{number}.txt.gz"
        with gzip.open(file, "wt") as stream:
            stream.write(HEADER.format(f"PGS{number:06d}") + "\t".join(COLUMNS) + "\n")
            stream.writelines("\t".join(map(str, line)) + "\n" for line in lines)
        scores.append(read_scoring_file(file))
    return scores


def half_and_haploid(rng, rows):
    """Calls as only a VCF has them: of one allele, with half of it missing, beside other fields."""
    rows = [(*site, list(calls)) for *site, calls in rows]
    for row in rows:
        for i, call in enumerate(row[-1]):
            if rng.random() < 0.1:
                row[-1][i] = rng.choice([call[0], "./" + call[2], call[0] + "|.", "."])
    return rows


def write_toy(path, rows):
    """Only what the toy format knows: one alternate allele."""
    lines = [",".join(["chrom", "pos", "ref", "alt", *PEOPLE])]
    lines += [
        ",".join([contig, str(position), ref, alt, *[c.replace("./.", "-1|-1") for c in calls]])
        for contig, position, ref, alt, calls in rows
        if "," not in alt
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def sources(folder, rng, rows, kind):
    """One cohort in some format."""
    if kind in ("pgen", "toy"):
        write = write_toy if kind == "toy" else lambda file, own: write_pgen(file, PEOPLE, own)
        return write(folder / f"v.{kind if kind == 'pgen' else 'toy.csv'}", rows)
    rows = half_and_haploid(rng, rows)
    if kind != "files":
        path = write_vcf(folder / "v.vcf.gz", LENGTHS, PEOPLE, rows)
        if kind == "bcf":
            binary = folder / "v.bcf"
            pysam.bcftools.view("-Ob", "-o", str(binary), str(path), catch_stdout=False)
            pysam.bcftools.index(str(binary))
            return binary
        return path
    cut = next(i for i in range(9, len(rows)) if rows[i][:2] != rows[i - 1][:2])
    return [
        write_vcf(folder / f"{name}.vcf.gz", LENGTHS, PEOPLE, part)
        for name, part in (("b", rows[:cut]), ("a", rows[cut:]))
    ]


@pytest.mark.parametrize("ambiguous", ["exclude", "same_strand"])
@pytest.mark.parametrize("kind", ["vcf", "bcf", "pgen", "toy", "files"])
@pytest.mark.parametrize("seed", [0, 1])
def test_one_pass_is_row_by_row(tmp_path, monkeypatch, seed, kind, ambiguous):
    monkeypatch.setitem(GENOTYPE_FORMATS, "toy", toy_genotypes.FORMAT)
    rng = np.random.default_rng(seed)
    rows = draw_rows(rng)
    scores = draw_scores(tmp_path, rng, rows)
    source = sources(tmp_path, rng, rows, kind)
    if seed == 1:
        monkeypatch.setattr("neurogenomics_kb.genome.vcf.WHOLE", 0)  # read by the index
    # Few records at a time, so that blocks end in the middle of what belongs together.
    monkeypatch.setattr("neurogenomics_kb.genome.site_blocks.MOST_RECORDS", 3)
    for samples in (None, ["p4", "p1", "p6"]):
        table, report = score_people(source, scores, samples, ambiguous=ambiguous)
        assert table["participant_id"].tolist() == (samples or PEOPLE)
        with open_variants(source, samples) as calls:
            assert isinstance(calls, BlockReader) == (kind != "toy")
            for score, told in zip(scores, report.itertuples(), strict=True):
                total, counts, missing = row_by_row(calls, score, ambiguous)
                np.testing.assert_allclose(table[score.name], total, atol=1e-10, rtol=0)
                assert {name: getattr(told, name) for name in counts} == counts
                assert told.missing_calls * told.matched * len(total) == pytest.approx(missing)
                assert counts["matched"] > 10
                assert missing


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
@pytest.mark.parametrize("reference", ["a2", "a1"])
def test_one_pass_over_a_bed_is_row_by_row(tmp_path, reference):
    rng = np.random.default_rng(3)
    rows = [row for row in draw_rows(rng) if "," not in row[3]]
    write_pgen(tmp_path / "v.pgen", PEOPLE, rows)
    run_plink("--pfile", tmp_path / "v", "--make-bed", "--out", tmp_path / "v")
    source = {"format": "plink1", "path": tmp_path / "v.bed", "reference": reference}
    scores = draw_scores(tmp_path, rng, rows)
    for samples in (None, ["p4", "p1", "p6"]):
        table, report = score_people(source, scores, samples)
        with open_variants(source, samples) as calls:
            for score, matched in zip(scores, report["matched"], strict=True):
                total, counts, _ = row_by_row(calls, score, "exclude")
                np.testing.assert_allclose(table[score.name], total, atol=1e-10, rtol=0)
                assert matched == counts["matched"] > 10


def test_scores_together_are_scores_alone(tmp_path):
    rng = np.random.default_rng(4)
    rows = draw_rows(rng)
    scores = draw_scores(tmp_path, rng, rows, 5)
    source = sources(tmp_path, rng, rows, "vcf")
    together, report = score_people(source, scores)
    for number, score in enumerate(scores):
        alone, own = score_people(source, [score])
        np.testing.assert_allclose(together[score.name], alone[score.name], atol=1e-12, rtol=0)
        pd.testing.assert_frame_equal(report.iloc[[number]].reset_index(drop=True), own)


def test_what_pairs_of_bases_come_to():
    def outcome(ref, alt, effect, other, ambiguous="exclude"):
        place = *(BASES[base] for base in (ref, alt, effect)), BASES.get(other, NO_OTHER)
        return choices_of_bases(ambiguous)[place]

    assert outcome("A", "G", "G", "A") == 1
    assert outcome("A", "G", "A", "G") == 0
    assert outcome("A", "G", "C", "T") == 1 + 2
    assert outcome("A", "G", "T", "C") == 0 + 2
    assert outcome("A", "G", "G", None) == 1
    assert outcome("A", "G", "T", "G") == OTHER_ALLELES
    assert outcome("A", "T", "T", "A") == AMBIGUOUS
    assert outcome("A", "T", "T", None) == AMBIGUOUS
    assert outcome("A", "T", "T", "A", "same_strand") == 1
    assert outcome("A", "A", "A", "A", "same_strand") == OTHER_ALLELES


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("0|2", "has a call of allele 2 but only 1"),
        ("0-1", r"has a call that is no genotype \('0-1'\)"),
    ],
)
def test_damage_among_plain_rows_is_named(tmp_path, call, message):
    rows = [("1", 10 + i, "A", "G", ["0|1", "1|1"]) for i in range(50)]
    rows[30] = (*rows[30][:4], ["0|1", call])
    file = write_vcf(tmp_path / "v.vcf.gz", {"1": 1000}, ["a", "b"], rows)
    with open_variants(file) as calls:
        assert sum(len(b.positions) for b in blocks_of(calls, ["1"], np.arange(9, 39))) == 30
        with pytest.raises(InputError, match="the record at 1:40 " + message):
            list(blocks_of(calls, ["1"], np.arange(9, 59)))


def test_a_variant_that_cannot_be_read_is_named(tmp_path):
    rng = np.random.default_rng(5)
    people = [f"p{i}" for i in range(300)]
    draws = rng.choice(["0|0", "0|1", "1|1"], (40, len(people)))
    rows = [("1", 10 + i, "A", "G", calls.tolist()) for i, calls in enumerate(draws)]
    path = write_pgen(tmp_path / "v.pgen", people, rows)
    path.write_bytes(path.read_bytes()[:-400])
    with open_variants(path) as calls:
        (block,) = blocks_of(calls, ["1"], np.arange(9, 49))
        with pytest.raises(InputError, match=r"variant \d+ cannot be read"):
            block.counts(np.arange(40))


# --- PLINK 2 ------------------------------------------------------------------------------------


def run_plink(*arguments):
    command = ["plink2", "--allow-extra-chr", "--threads", "1", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
@pytest.mark.parametrize("form", ["pgen", "bed", "vcf"])
def test_equal_to_plink2(tmp_path, form):
    rng = np.random.default_rng(6)
    stem = tmp_path / "d"
    run_plink("--dummy", 60, 3000, 0.02, "acgt", "--seed", 1, "--out", stem)
    table = pd.read_csv(stem.with_suffix(".pvar"), sep="\t")
    table["#CHROM"], table["POS"] = 1 + np.arange(3000) // 150, 1 + 13 * np.arange(3000)
    table.to_csv(stem.with_suffix(".pvar"), sep="\t", index=False)
    # Few decimals, so that the six digits that PLINK prints are all there are.
    table["weight"] = rng.integers(-20, 21, 3000) / 100
    table["frequency"] = rng.integers(0, 11, 3000) / 10
    swap = rng.random(3000) < 0.5
    table["effect"] = np.where(swap, table["REF"], table["ALT"])
    table["other"] = np.where(swap, table["ALT"], table["REF"])
    table[["ID", "effect", "weight"]].to_csv(tmp_path / "w.txt", sep="\t", index=False)
    alternate = np.where(swap, 1 - table["frequency"], table["frequency"]).round(1)
    table.assign(ALT_FREQS=alternate, OBS_CT=120)[
        ["#CHROM", "ID", "REF", "ALT", "ALT_FREQS", "OBS_CT"]
    ].to_csv(tmp_path / "f.afreq", sep="\t", index=False)
    rows = table[["#CHROM", "POS", "effect", "other", "weight", "frequency"]]
    file = tmp_path / "s.txt"
    file.write_text(
        HEADER.format("PGS000001")
        + rows.set_axis(COLUMNS, axis=1).to_csv(sep="\t", index=False, lineterminator="\n")
    )
    source = stem.with_suffix(".pgen")
    if form == "bed":
        run_plink("--pfile", stem, "--make-bed", "--out", stem)
        source = stem.with_suffix(".bed")
    if form == "vcf":
        run_plink("--pfile", stem, "--export", "vcf", "bgz", "--out", stem)
        source = tmp_path / "d.vcf.gz"
        pysam.tabix_index(str(source), preset="vcf")
    run_plink(
        "--pfile", stem, "--score", tmp_path / "w.txt", 1, 2, 3, "header", "cols=scoresums",
        "--read-freq", tmp_path / "f.afreq", "--out", tmp_path / "p",
    )  # fmt: skip
    theirs = pd.read_csv(tmp_path / "p.sscore", sep="\t").iloc[:, -1]
    ours, report = score_people(source, [read_scoring_file(file)], ambiguous="same_strand")
    assert report["matched"].tolist() == [3000]
    assert report["missing_calls"][0] > 0.01
    np.testing.assert_allclose(ours["PGS000001"], theirs, atol=1e-6, rtol=0)
