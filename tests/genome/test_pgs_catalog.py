from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.builds import LENGTHS
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


# --- sites, strands, builds ---------------------------------------------------------------------


def text_file(folder, columns, rows, name="s.txt", header=HEADER):
    file = folder / name
    lines = ["\t".join(columns), *("\t".join(map(str, r)) for r in rows)]
    file.write_text(header + "\n".join(lines) + "\n")
    return file


ALONE = ["effect_allele", "effect_weight", "hm_chr", "hm_pos"]


def test_without_the_other_allele_the_target_tells_what_is_ambiguous(tmp_path, vcf):
    rows = [("G", 1, 1, 10), ("A", 1, 1, 30), ("A", 1, 2, 10), ("A", 1, 2, 50)]
    parsed = read_scoring_file(text_file(tmp_path, ALONE, rows))
    table, report = score_people(vcf, [parsed])
    # A at an A/T site, and A where only a deletion leaves one.
    assert table["PGS000001"].tolist() == [0 + 0, 1 + 1, 2 + 0]
    assert report[["matched", "ambiguous"]].iloc[0].tolist() == [2, 2]
    trusted, report = score_people(vcf, [parsed], ambiguous="same_strand")
    assert trusted["PGS000001"].tolist() == [0 + 1 + 0 + 1, 1 + 1 + 1 + 0, 2 + 2 + 0 + 2]
    assert report["matched"].iloc[0] == 4


def test_unplaced_rows_are_part_of_the_weight(tmp_path, vcf):
    rows = [(1, 9, "G", "A", 0.1, 1, 10), ("", "", "e2", "", -0.47, "", ""),
            ("", "", "e4", "", 1.03, "", "")]  # fmt: skip
    _, report = score(tmp_path, vcf, rows)
    assert report["unplaced"] == 2
    assert report["matched_weight"] == pytest.approx(0.1 / 1.6)


def test_insertions_and_deletions_are_not_read_on_the_other_strand(tmp_path):
    rows = [("1", 10, "AG", "G", ["0|1"]), ("1", 20, "GA", "CC", ["0|1"])]
    vcf = write_vcf(tmp_path / "v.vcf.gz", {"1": 100}, ["a"], rows)
    # As complement and in reverse these would be AG and G.
    both = [(1, 9, "C", "CT", 1.0, 1, 10), (1, 19, "GG", "TC", 1.0, 1, 20)]
    values, report = score(tmp_path, vcf, both)
    assert (report["matched"], report["flipped"], report["other_alleles"]) == (1, 1, 1)
    assert values == [1]


def test_lists_of_other_alleles(tmp_path, vcf):
    columns = [*ALONE, "hm_inferOtherAllele"]
    rows = [("G", 1, 1, 10, "C/A"), ("A", 1, 1, 30, "G/T"), ("C", 1, 2, 10, "A/G"),
            ("T", 1, 1, 20, "T/A")]  # fmt: skip
    table, report = score_people(vcf, [read_scoring_file(text_file(tmp_path, columns, rows))])
    assert table["PGS000001"].tolist() == [0 + 1, 1 + 1, 2 + 2]
    assert report[["matched", "ambiguous", "other_alleles"]].iloc[0].tolist() == [2, 1, 1]


SITES = 40


def split_cohort(folder, rng, n_people=9):
    """One truth in one record per site, and split over several, and what each haplotype carries."""
    joined, split, truth = [], [], []
    for site in range(SITES):
        position = 10 + 11 * site
        ref, *alts = rng.permutation(list("ACGT"))[: rng.integers(2, 5)]
        ref, alts = str(ref), [str(a) for a in alts]
        calls = rng.choice(len(alts) + 1, (n_people, 2))
        whole_missing = rng.random(n_people) < 0.1
        joined.append(("1", position, ref, ",".join(alts), [
            ".|." if gone else f"{a}|{b}" for (a, b), gone in zip(calls, whole_missing, strict=True)
        ]))  # fmt: skip
        other = rng.choice(["0", "."])  # what a split record says of the other alternate alleles
        records = []
        for number, alt in enumerate(alts, 1):
            texts = []
            for pair, gone in zip(calls, whole_missing, strict=True):
                words = ["0" if a == 0 else "1" if a == number else str(other) for a in pair]
                texts.append("./." if gone else "/".join(rng.permutation(words)))
            records.append(("1", position, ref, alt, texts))
        split += [records[i] for i in rng.permutation(len(records))]
        if rng.random() < 0.3:  # an insertion right behind the base, which stays what it is
            split.append(("1", position, ref, ref + "GG", ["0/1"] * n_people))
        truth.append((position, [ref, *alts], calls, whole_missing))
    people = [f"p{i}" for i in range(n_people)]
    files = [write_vcf(folder / f"{name}.vcf.gz", {"1": 1000}, people, rows)
             for name, rows in (("joined", joined), ("split", split))]  # fmt: skip
    return files, truth


@pytest.mark.parametrize("seed", range(8))
def test_split_sites_score_as_joined_ones_and_as_counted_by_hand(tmp_path, seed):
    rng = np.random.default_rng(seed)
    files, truth = split_cohort(tmp_path, rng)
    rows, expected = [], 0.0
    missing = matched = ambiguous = 0
    for position, alleles, calls, gone in truth:
        effect, other = rng.choice(len(alleles), 2, replace=False)
        weight, frequency = rng.normal(), rng.random()
        rows.append((1, 0, alleles[effect], alleles[other], weight, frequency, 1, position))
        if {alleles[effect], alleles[other]} in ({"A", "T"}, {"C", "G"}):
            ambiguous += 1
            continue
        copies = np.where(gone, 2 * frequency, (calls == effect).sum(axis=1))
        expected = expected + weight * copies
        matched += 1
        missing += gone.sum()
    parsed = read_scoring_file(scoring_file(tmp_path, rows, frequency=True))
    for file in files:
        table, report = score_people(file, [parsed])
        np.testing.assert_allclose(table["PGS000001"], expected, atol=1e-9)
        assert report[["matched", "ambiguous"]].iloc[0].tolist() == [matched, ambiguous]
        assert report["missing_calls"].iloc[0] == pytest.approx(missing / matched / 9)


@pytest.mark.parametrize("effect", ["A", "G"])
@pytest.mark.parametrize("alone", [True, False])
def test_reference_allele_at_a_split_site(tmp_path, effect, alone):
    rows = [("1", 10, "A", "G", ["0|1", "1|0", "0|0"]), ("1", 10, "A", "C", ["1|0", "0|0", "0|0"])]
    vcf = write_vcf(tmp_path / "v.vcf.gz", {"1": 100}, SAMPLES, rows)
    other = "" if alone else {"A": "G", "G": "A"}[effect]
    # Without the other allele, G at a place where there is a C may be either.
    options = {"ambiguous": "same_strand"} if alone else {}
    values, _ = score(tmp_path, vcf, [(1, 9, effect, other, 1.0, 1, 10)], **options)
    assert values == {"A": [0, 1, 2], "G": [1, 1, 0]}[effect]


@pytest.mark.parametrize("joined", [True, False])
def test_one_base_beside_an_insertion_needs_the_other_allele(tmp_path, joined):
    split = [("1", 10, "A", "G", ["0|1", "0|0"]), ("1", 10, "A", "AT", ["1|0", "0|1"])]
    whole = [("1", 10, "A", "G,AT", ["2|1", "0|2"])]
    rows = (whole if joined else split) + [("1", 20, "A", "G", ["1|1", "0|1"])]
    vcf = write_vcf(tmp_path / "v.vcf.gz", {"1": 100}, ["a", "b"], rows)
    known = (1, 0, "G", "A", 1.0, 1, 20)
    values, report = score(tmp_path, vcf, [(1, 0, "A", "", 5.0, 1, 10), known])
    assert values == [2, 1]
    assert report["ambiguous"] == 1
    values, _ = score(tmp_path, vcf, [(1, 0, "AT", "", 5.0, 1, 10), known])
    assert values == [7, 6]


def test_a_record_that_is_there_twice_is_not_counted(tmp_path):
    row = ("1", 10, "A", "G", ["0|1", "1|0", "0|0"])
    vcf = write_vcf(tmp_path / "v.vcf.gz", {"1": 100}, SAMPLES, [row, row, ("1", 20, *row[2:])])
    for effect, other in (("A", "G"), ("G", "A"), ("A", ""), ("G", "")):
        lines = [(1, 0, effect, other, 1.0, 1, 10), (1, 0, "G", "A", 1.0, 1, 20)]
        values, report = score(tmp_path, vcf, lines)
        assert values == [1, 1, 0]
        assert report["other_alleles"] == 1


def test_two_rows_of_one_allele_are_refused(tmp_path, vcf):
    with pytest.raises(InputError, match=r"rows 1 and 2 of PGS000001 count one variant twice"):
        score(tmp_path, vcf, [(1, 9, "G", "A", 1.0, 1, 10), (1, 9, "G", "", 1.0, 1, 10)])
    # An insertion behind a base is another variant than the base's.
    insertion = [("1", 10, "A", "G", ["0|1"]), ("1", 10, "A", "AT", ["1|1"])]
    other = write_vcf(tmp_path / "w.vcf.gz", {"1": 100}, ["a"], insertion)
    both = [(1, 9, "A", "G", 1.0, 1, 10), (1, 9, "AT", "A", 10.0, 1, 10)]
    assert score(tmp_path, other, both)[0] == [21]
    # Two alternate alleles of one site are two variants.
    rows = [(2, 9, "A", "G", 1.0, 2, 10), (2, 9, "C", "G", 10.0, 2, 10)]
    values, _ = score(tmp_path, vcf, rows, ambiguous="same_strand")
    assert values == [10, 11, 20]


def test_names_of_chromosomes(tmp_path):
    rows = [("chrX", 10, "A", "G", ["0|1"]), ("chrM", 10, "A", "G", ["1|1"])]
    vcf = write_vcf(tmp_path / "v.vcf.gz", {"chrX": 100, "chrM": 100}, ["a"], rows)
    for x, mt in (("X", "MT"), ("23", "26"), ("chrX", "M"), ("x", "chrMT")):
        values, _ = score(tmp_path, vcf, [(0, 0, "G", "A", 1.0, x, 10),
                                          (0, 0, "G", "A", 5.0, mt, 10)])  # fmt: skip
        assert values == [11]


def test_builds_that_disagree_are_refused(tmp_path):
    rows = [("chr22", 10, "A", "G", ["0|1"])]
    lengths = {"chr22": LENGTHS["GRCh37"]["22"]}
    vcf = write_vcf(tmp_path / "v.vcf.gz", lengths, ["a"], rows)
    row = [(1, 9, "G", "A", 1.0, 22, 10)]
    with pytest.raises(InputError, match=r"is in build GRCh37, the scoring files are not \(PGS"):
        score(tmp_path, vcf, row)
    own = read_scoring_file(scoring_file(tmp_path, row, header=HEADER.replace("38", "37")))
    assert score_people(vcf, [own])[0]["PGS000001"].tolist() == [1]
    header = HEADER.replace("PGS000001", "PGS000002")
    other = read_scoring_file(scoring_file(tmp_path, row, name="t.txt.gz", header=header))
    with pytest.raises(InputError, match="different builds"):
        score_people(vcf, [own, other])


@pytest.mark.parametrize("name", ["polygenic_scores.tsv", "polygenic_scores.csv"])
def test_the_catalog_reads_what_the_command_writes(tmp_path, name):
    from kedro_datasets.pandas import CSVDataset

    rows = [("chr1", 10, "A", "G", ["0|0", "0|1", "1|1"])]
    vcf = write_vcf(tmp_path / "v.vcf.gz", {"chr1": 100}, ["001", "02", "3e5"], rows)
    file = scoring_file(tmp_path, [(1, 9, "G", "A", 0.1, 1, 10)])
    main([str(vcf), str(file), "--out", str(tmp_path / name), "--id-column", "eid"])
    # As conf/base and conf/ukb read it.
    separator = {"tsv": {"sep": "\t", "na_values": ["n/a"]}, "csv": {"na_values": ["NA"]}}[
        name[-3:]
    ]
    table = CSVDataset(
        filepath=str(tmp_path / name), load_args=separator | {"dtype": {"eid": str}}
    ).load()
    features = score_features(table, "eid")
    assert features.index.tolist() == ["001", "02", "3e5"]
    assert features["genomics__pgs__PGS000001"].tolist() == [0, 0.1, 0.2]


def test_the_command_ends_in_one_line(tmp_path, vcf, capsys):
    fine = scoring_file(tmp_path, [(1, 9, "G", "A", 1.0, 1, 10), (1, 9, "G", "A", 3.0, 9, 10)])
    main([str(vcf), str(fine), "--out", str(tmp_path / "s.tsv")])
    assert "Only 25% of the weight of PGS000001" in capsys.readouterr().out
    bad = scoring_file(tmp_path, [(1, 9, "G", "A", "", 1, 10)], name="bad.txt.gz")
    named = scoring_file(tmp_path, [(1, 9, "G", "A", 1, 1, 10)], name="n.txt.gz",
                         header=HEADER.replace("PGS000001", "a__b"))  # fmt: skip
    ids = scoring_file(tmp_path, [(1, 9, "G", "A", 1, 1, 10)], name="i.txt.gz",
                       header=HEADER.replace("PGS000001", "participant_id"))  # fmt: skip
    for scores, out in [
        (bad, "s.tsv"),
        (named, "s.tsv"),
        (ids, "s.tsv"),
        (fine, "nowhere/s.tsv"),
        (tmp_path / "none", "s.tsv"),
    ]:
        with pytest.raises(SystemExit) as ended:
            main([str(vcf), str(scores), "--out", str(tmp_path / out)])
        assert ended.value.code == 1
        message = capsys.readouterr().err
        assert message.startswith("Error: ")
        assert message.count("\n") == 1


def test_the_build_is_asked_of_every_file(tmp_path):
    paths = [
        write_vcf(tmp_path / f"c{n}.vcf.gz", {f"chr{n}": LENGTHS["GRCh37"][n]}, SAMPLES,
                  [(f"chr{n}", 10, "A", "G", ["0|1", "0|0", "1|1"])])
        for n in "12"
    ]  # fmt: skip
    score = read_scoring_file(scoring_file(tmp_path, [(1, 10, "G", "A", 1, 1, 10)]))
    for source in (paths, str(tmp_path / "c[12].vcf.gz"), {"format": "vcf", "path": paths[0]}):
        with pytest.raises(InputError, match="is in build GRCh37"):
            score_people(source, [score])


@pytest.mark.parametrize(("effect", "right"), [("A", [0, 1, 2]), ("G", [1, 1, 0])])
@pytest.mark.parametrize("split", [True, False])
def test_either_allele_counts_at_a_site_of_three(tmp_path, effect, right, split):
    rows = [("chr1", 100, "A", "G,T", ["2|1", "1|0", "0|0"])]
    if split:
        rows = [("chr1", 100, "A", "G", ["0|1", "1|0", "0|0"]),
                ("chr1", 100, "A", "T", ["1|0", "0|0", "0|0"])]  # fmt: skip
    file = write_vcf(tmp_path / "v.vcf.gz", {"chr1": 999}, SAMPLES, rows)
    other = "G" if effect == "A" else "A"
    score = read_scoring_file(scoring_file(tmp_path, [(1, 100, effect, other, 1, 1, 100)]))
    assert score_people(file, [score])[0].iloc[:, 1].tolist() == right


def test_what_keeps_all_variants_out_is_told(tmp_path, vcf):
    score = read_scoring_file(scoring_file(tmp_path, [(1, 30, "T", "A", 1, 1, 30)]))
    with pytest.raises(
        InputError, match=r"can be counted \(1 ambiguous, 0 with other.*same_strand"
    ):
        score_people(vcf, [score])
