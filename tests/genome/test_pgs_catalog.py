from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.pgs_catalog import main, read_scoring_file, score_people
from neurogenomics_kb.genome.polygenic import score_features
from tests.genome.conftest import write_vcf

HEADER = (
    "###PGS CATALOG SCORING FILE\n#format_version=2.0\n#pgs_id=PGS000001\n#HmPOS_build=GRCh38\n"
)
COLUMNS = "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\t{}hm_chr\thm_pos\n"
SAMPLES = ["a", "b", "c"]


@pytest.fixture
def vcf(tmp_path):
    rows = [
        ("chr1", 10, "A", "G", ["0|0", "0|1", "1|1"]),
        ("chr1", 20, "C", "T", ["0|1", "0|0", "1|1"]),
        ("chr1", 30, "A", "T", ["0|1", "0|1", "0|0"]),
        ("chr2", 10, "G", "A,C", ["0|2", "1|2", "2|2"]),
        ("chr2", 40, "A", "G", [".|.", "0|1", "1|1"]),
        ("chr2", 50, "AT", "A", ["0|1", "0|0", "1|1"]),
    ]
    return write_vcf(tmp_path / "v.vcf.gz", {"chr1": 100, "chr2": 100}, SAMPLES, rows)


def scoring_file(folder, rows, *, frequency=False, name="s.txt.gz", header=HEADER):
    extra = "allelefrequency_effect\t" if frequency else ""
    text = header + COLUMNS.format(extra) + "".join("\t".join(map(str, r)) + "\n" for r in rows)
    file = folder / name
    with gzip.open(file, "wt") as stream:
        stream.write(text)
    return file


def score(folder, vcf, rows, **options):
    frequency = options.pop("frequency", False)
    parsed = read_scoring_file(scoring_file(folder, rows, frequency=frequency))
    table, report = score_people(vcf, [parsed], **options)
    return table["PGS000001"].tolist(), report.iloc[0]


def test_sum_over_matched_variants(tmp_path, vcf):
    rows = [
        (1, 9, "G", "A", 0.5, 1, 10),  # the harmonised position counts
        (1, 19, "C", "T", -1.0, 1, 20),  # the effect allele is the reference
        (2, 9, "A", "G", 2.0, 2, 10),  # one of two alternate alleles
        (2, 49, "A", "AT", 0.25, 2, 50),  # deletion
    ]
    values, report = score(tmp_path, vcf, rows)
    direct = [
        0.5 * g - 1.0 * c + 2.0 * m + 0.25 * d
        for g, c, m, d in zip((0, 1, 2), (1, 2, 0), (0, 1, 0), (1, 0, 2), strict=True)
    ]
    assert values == pytest.approx(direct)
    assert (report["matched"], report["flipped"], report["absent"]) == (4, 0, 0)
    assert report["matched_weight"] == 1.0


def test_other_strand_is_recognised_and_counted(tmp_path, vcf):
    straight, _ = score(tmp_path, vcf, [(1, 9, "G", "A", 1.0, 1, 10)])
    flipped, report = score(tmp_path, vcf, [(1, 9, "C", "T", 1.0, 1, 10)])
    assert flipped == straight
    assert report["flipped"] == 1


def test_ambiguous_variants_are_left_out_unless_trusted(tmp_path, vcf):
    rows = [(1, 9, "G", "A", 1.0, 1, 10), (1, 29, "T", "A", 3.0, 1, 30)]
    values, report = score(tmp_path, vcf, rows)
    assert values == [0, 1, 2]
    assert report["ambiguous"] == 1
    assert report["matched_weight"] == pytest.approx(0.25)
    values, _ = score(tmp_path, vcf, rows, ambiguous="same_strand")
    assert values == [3, 4, 2]


def test_what_does_not_match_is_counted(tmp_path, vcf):
    rows = [
        (1, 9, "G", "A", 1.0, 1, 10),
        (1, 9, "T", "G", 1.0, 1, 10),
        (1, 77, "G", "A", 1.0, 1, 77),
        (9, 10, "G", "A", 1.0, 9, 10),
        (1, 9, "G", "A", 1.0, "", ""),
    ]
    _, report = score(tmp_path, vcf, rows)
    assert (report["matched"], report["other_alleles"], report["absent"]) == (1, 1, 2)
    assert (report["variants"], report["unplaced"]) == (5, 1)


def test_missing_calls_take_the_frequency_of_the_file_and_nobody_elses(tmp_path, vcf):
    rows = [(2, 39, "G", "A", 1.0, 0.3, 2, 40)]
    values, report = score(tmp_path, vcf, rows, frequency=True)
    assert values == pytest.approx([0.6, 1, 2])
    assert report["missing_calls"] == pytest.approx(1 / 3)
    alone, _ = score(tmp_path, vcf, rows, frequency=True, samples=["a"])
    assert alone == pytest.approx([0.6])


def test_order_of_samples_is_as_asked(tmp_path, vcf):
    values, _ = score(tmp_path, vcf, [(1, 9, "G", "A", 1.0, 1, 10)], samples=["c", "a"])
    assert values == [2, 0]


def test_equal_to_a_matrix_product_on_many_variants(tmp_path):
    rng = np.random.default_rng(0)
    dosages = rng.integers(0, 3, (200, 5))
    rows, weights = [], rng.normal(size=200)
    for i, counts in enumerate(dosages):
        calls = [{0: "0|0", 1: "1|0", 2: "1|1"}[int(c)] for c in counts]
        rows.append(("1", 10 + 3 * i, "A", "G", calls))
    vcf = write_vcf(tmp_path / "m.vcf.gz", {"1": 1000}, list("abcde"), rows)
    lines = [("chr1", 0, "G", "A", w, "chr1", 10 + 3 * i) for i, w in enumerate(weights)]
    values, _ = score(tmp_path, vcf, lines)
    assert values == pytest.approx((weights @ dosages).tolist())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(1, 9, "G", "A", "high", 1, 10)], "1 values are no numbers, first 'high'"),
        ([(7, 9, "G", "A", 1.0, 7, 10)], "use a VCF of the same build"),
    ],
)
def test_unusable_files_are_named(tmp_path, vcf, rows, words):
    with pytest.raises(InputError, match=words):
        score(tmp_path, vcf, rows)


def test_effects_that_do_not_add_up_are_refused(tmp_path):
    file = tmp_path / "x.txt"
    file.write_text(
        HEADER + "chr_name\tchr_position\teffect_allele\teffect_weight\tis_recessive\n"
        "1\t10\tG\t1\tTRUE\n"
    )
    with pytest.raises(InputError, match="add up per allele"):
        read_scoring_file(file)
    file.write_text(HEADER + "rsID\teffect_allele\teffect_weight\nrs1\tG\t1\n")
    with pytest.raises(InputError, match="a column is missing"):
        read_scoring_file(file)
    (tmp_path / "y.txt.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="cannot be read"):
        read_scoring_file(tmp_path / "y.txt.gz")


def test_command_writes_what_the_pipeline_reads(tmp_path, vcf, capsys):
    file = scoring_file(tmp_path, [(1, 9, "G", "A", 1.0, 1, 10)])
    out = tmp_path / "scores.csv"
    main([str(vcf), str(file), "--out", str(out)])
    assert "PGS000001" in capsys.readouterr().out
    features = score_features(pd.read_csv(out))
    assert features["genomics__pgs__PGS000001"].tolist() == [0, 1, 2]
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none.vcf.gz"), str(file), "--out", str(out)])
