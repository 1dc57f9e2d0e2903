"""Scoring files in every shape that they arrive in: the same numbers, or a refusal with the row."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.builds import (
    LENGTHS,
    build_by_lengths,
    build_name,
    chromosome_name,
)
from neurogenomics_kb.genome.scoring_files import candidates, read_scoring_file

COLUMNS = ["rsID", "chr_name", "chr_position", "effect_allele", "other_allele", "effect_weight",
           "locus_name", "allelefrequency_effect", "hm_chr", "hm_pos"]  # fmt: skip
COMMENTS = ["###PGS CATALOG SCORING FILE", "#pgs_id=PGS7", "#genome_build=hg19",
            "#HmPOS_build=GRCh38"]  # fmt: skip
READ = ["chrom", "pos", "effect", "other", "weight", "frequency"]


def random_rows(rng, n=12):
    rows = []
    for i in range(n):
        effect, other = rng.choice(list("ACGT"), 2, replace=False)
        place = [str(rng.choice([1, 7, 22, "X"])), str(1000 + 10 * i)]
        frequency = "" if rng.random() < 0.2 else f"{rng.random():.3f}"
        weight = f"{rng.normal():.{rng.integers(1, 9)}g}"
        shown = place if rng.random() > 0.1 else ["", ""]
        rows.append([f"rs{i}", place[0], str(9 + i), effect, other, weight, f"GENE{i}", frequency,
                     *shown])  # fmt: skip
    return rows


def text_of(rows, columns=COLUMNS, comments=COMMENTS, separator="\t", end="\n"):
    lines = [*comments, separator.join(columns), *(separator.join(row) for row in rows)]
    return end.join(lines) + end


def write(folder, text, name="PGS7.txt"):
    file = folder / name
    data = text.encode()
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return file


def read(folder, rows, **options):
    return read_scoring_file(write(folder, text_of(rows, **options)))


def expected_of(rows):
    placed = [r for r in rows if r[8]]
    return pd.DataFrame({
        "chrom": [r[8] for r in placed], "pos": [int(r[9]) for r in placed],
        "effect": [r[3] for r in placed], "other": [r[4] for r in placed],
        "weight": [float(r[5]) for r in placed],
        "frequency": [float(r[7]) if r[7] else np.nan for r in placed],
    })  # fmt: skip


def blanks(rng):
    return " " * int(rng.integers(0, 3))


def dressed(rng, rows):
    """The same file in another dress, as text and file name."""
    columns = [list(COLUMNS), [list(r) for r in rows]]
    for _ in range(rng.integers(0, 3)):  # columns that nobody reads
        at = int(rng.integers(0, len(columns[0]) + 1))
        columns[0].insert(at, str(rng.choice(["note", "note", "OR_se", "hm_source"])))
        for row in columns[1]:
            note = rng.choice(["", "locus #3", "#", "NA", "e4", "5'", '"x y"', "a;b", "1e9"])
            row.insert(at, str(note))
    order = rng.permutation(len(columns[0]))
    header = [columns[0][i] for i in order]
    body = [[row[i] for i in order] for row in columns[1]]
    used = {name for name in COLUMNS if name not in ("rsID", "locus_name")}
    recase = rng.choice(["as is", "upper", "lower"])
    change = {"as is": str, "upper": str.upper, "lower": str.lower}[recase]
    for row in body:
        for at, name in enumerate(header):
            if name in ("hm_chr", "chr_name") and row[at]:
                row[at] = str(rng.choice(["", "chr", "CHR", "Chr"])) + row[at]
            if name in ("effect_allele", "other_allele") and rng.random() < 0.3:
                row[at] = row[at].lower()
            if not row[at] and name in used:
                row[at] = str(rng.choice(["", "NA", "nan", "N/A", "."]))
            if name in used:
                row[at] = blanks(rng) + row[at] + blanks(rng)
                if rng.random() < 0.1:
                    row[at] = f'"{row[at]}"'
    header = [blanks(rng) + change(name) + blanks(rng) for name in header]
    comments = list(COMMENTS)
    if rng.random() < 0.3:
        comments.insert(2, "# citation = Somebody et al. \t with a tab")
    end = str(rng.choice(["\n", "\r\n"]))
    lines = [*comments, "\t".join(header), *("\t".join(row) for row in body)]
    if rng.random() < 0.3:
        lines.insert(int(rng.integers(len(comments) + 1, len(lines) + 1)), "# a remark")
    if rng.random() < 0.3:
        lines.insert(int(rng.integers(len(comments) + 1, len(lines) + 1)), "\t\t")
    if rng.random() < 0.3:
        lines = [line + "\t" if not line.startswith("#") else line for line in lines]
    text = end.join(lines) + (end if rng.random() < 0.7 else "")
    if rng.random() < 0.2:
        text = "\ufeff" + text
    return text, str(rng.choice(["PGS7.txt", "PGS7.txt.gz", "PGS7.tsv"]))


@pytest.mark.parametrize("seed", range(60))
def test_the_same_file_in_another_dress_gives_the_same_numbers(tmp_path, seed):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng)
    text, name = dressed(rng, rows)
    file = write(tmp_path, text, name)
    if re.search(r"(?m)^#\t", text):  # a row or a row that somebody took out
        with pytest.raises(InputError, match="begins with '#'"):
            read_scoring_file(file)
        return
    found = read_scoring_file(file)
    pd.testing.assert_frame_equal(found.variants[READ], expected_of(rows), check_dtype=False)
    assert (found.name, found.build) == ("PGS7", "GRCh38")
    assert found.unplaced == sum(not r[8] for r in rows)
    assert found.unplaced_weight == pytest.approx(sum(abs(float(r[5])) for r in rows if not r[8]))


@pytest.mark.parametrize("separator", [",", ";", " ", "   "])
def test_other_separators(tmp_path, separator):
    rows = [[cell or "NA" for cell in r] for r in random_rows(np.random.default_rng(1))]
    expected = expected_of([["" if c == "NA" else c for c in r] for r in rows])
    found = read(tmp_path, rows, separator=separator)
    pd.testing.assert_frame_equal(found.variants[READ], expected, check_dtype=False)
    with pytest.raises(InputError, match="row 3 has "):
        read(tmp_path, [*rows[:2], [*rows[2], "more"], *rows[3:]], separator=separator)


def test_a_row_that_ends_early_between_blanks_is_refused(tmp_path):
    rows = [[cell or "NA" for cell in r] for r in random_rows(np.random.default_rng(1))]
    with pytest.raises(InputError, match="row 2 has 9 fields, the header 10"):
        read(tmp_path, [rows[0], rows[1][:-1], rows[2]], separator=" ")


DAMAGE = [
    (5, "", "effect_weight", "weights are blank"),
    (5, "NA", "effect_weight", "weights are blank"),
    (5, "inf", "effect_weight", "are no numbers, first 'inf'"),
    (5, "-Infinity", "effect_weight", "are no numbers"),
    (5, "1e999", "effect_weight", "are no numbers"),
    (5, "0,25", "effect_weight", "are no numbers"),
    (5, "1_000", "effect_weight", "are no numbers"),
    (5, "0x10", "effect_weight", "are no numbers"),
    (5, "\u22120.5", "effect_weight", "are no numbers"),
    (5, "True", "effect_weight", "are no numbers"),
    (3, "", "effect_allele", "effect alleles are blank"),
    (3, "NA", "effect_allele", "effect alleles are blank"),
    (7, "35.2", "allelefrequency_effect", "are no shares of 0 to 1, first '35.2'"),
    (7, "-0.1", "allelefrequency_effect", "are no shares"),
    (7, "12%", "allelefrequency_effect", "are no numbers"),
    (9, "12.5", "hm_pos", "are no whole numbers"),
    (9, "1,234", "hm_pos", "are no whole numbers"),
    (9, "-7", "hm_pos", "are no whole numbers"),
]


@pytest.mark.parametrize(("at", "value", "column", "words"), DAMAGE)
def test_what_cannot_be_right_is_refused_with_the_row(tmp_path, at, value, column, words):
    rng = np.random.default_rng(sum(map(ord, value)))
    rows = random_rows(rng)
    number = int(rng.integers(0, len(rows)))
    rows[number][at] = value
    with pytest.raises(InputError) as caught:
        read(tmp_path, rows)
    assert re.search(words, str(caught.value))
    assert f"column '{column}'" in str(caught.value)
    assert f"in row {number + 1}." in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["is_recessive", "IS_DOMINANT", "is_haplotype", "is_interaction"])
def test_effects_that_do_not_add_up_in_any_spelling(tmp_path, name):
    rows = random_rows(np.random.default_rng(0))
    columns = [*COLUMNS, name]
    for no in ("FALSE", "False", "f", "0", "no", "", "NA"):
        fine = read(tmp_path, [[*r, no] for r in rows], columns=columns)
        assert len(fine.variants) == len(expected_of(rows))
    for yes in ("TRUE", "True", "true ", "T", "1", "1.0", "yes", "Y", "x"):
        marked = [[*r, yes if i == 4 else "False"] for i, r in enumerate(rows)]
        with pytest.raises(InputError, match=r"do not add up per allele are not .* in row 5"):
            read(tmp_path, marked, columns=columns)


@pytest.mark.parametrize(
    ("column", "fine", "wrong"),
    [("effect_type", "additive", "recessive"), ("Effect_Type", "", "Dominant"),
     ("dosage_1_weight", "", "0.2")],
)  # fmt: skip
def test_effect_types(tmp_path, column, fine, wrong):
    rows = random_rows(np.random.default_rng(0))
    columns = [*COLUMNS, column]
    read(tmp_path, [[*r, fine] for r in rows], columns=columns)
    with pytest.raises(InputError, match="in row 2"):
        read(tmp_path, [[*r, wrong if i == 1 else fine] for i, r in enumerate(rows)],
             columns=columns)  # fmt: skip


def test_columns_that_are_there_twice_or_too_long_rows(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    with pytest.raises(InputError, match="'effect_weight': the column is there twice"):
        read(tmp_path, [[*r, "1"] for r in rows], columns=[*COLUMNS, "Effect_Weight"])
    with pytest.raises(InputError, match="row 4 has 11 fields, the header 10"):
        read(tmp_path, [[*r, "more"] if i == 3 else r for i, r in enumerate(rows)])
    # One field more in every row would make the first the index of a table.
    with pytest.raises(InputError, match="row 1 has 11 fields"):
        read(tmp_path, [["", *r] for r in rows])
    with pytest.raises(InputError, match="row 2 begins with '#'"):
        read(tmp_path, [rows[0], ["#" + rows[1][0], *rows[1][1:]], *rows[2:]])


def test_scores_stacked_in_one_file_are_refused(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    columns = [*COLUMNS, "accession"]
    read(tmp_path, [[*r, "PGS7"] for r in rows], columns=columns)
    with pytest.raises(InputError, match=r"holds 2 scores, one below the other \(a, b\)"):
        read(tmp_path, [[*r, "ab"[i > 5]] for i, r in enumerate(rows)], columns=columns)


def test_comments_that_a_spreadsheet_widened(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    found = read(tmp_path, rows, comments=[f"{c}\t\t\t" for c in COMMENTS])
    assert (found.name, found.build) == ("PGS7", "GRCh38")


def test_a_quote_neither_swallows_rows_nor_splits_them(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    rows[3][6] = '"5 prime'
    rows[7][6] = 'said "so'
    found = read(tmp_path, rows)
    pd.testing.assert_frame_equal(found.variants[READ], expected_of(rows), check_dtype=False)
    rows[5][4] = '"TGGTG\nCCA"'  # an allele that a spreadsheet broke in two
    found = read(tmp_path, rows)
    rows[5][4] = "TGGTGCCA"
    pd.testing.assert_frame_equal(found.variants[READ], expected_of(rows), check_dtype=False)


def test_columns_under_the_sign_of_a_comment(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    found = read(tmp_path, rows, columns=["#" + COLUMNS[0], *COLUMNS[1:]])
    pd.testing.assert_frame_equal(found.variants[READ], expected_of(rows), check_dtype=False)
    with pytest.raises(InputError, match="no line of column names"):
        read_scoring_file(write(tmp_path, "\n".join(COMMENTS)))
    with pytest.raises(InputError, match="there is no variant"):
        read(tmp_path, [])


def test_truncated_and_foreign_files_are_one_line(tmp_path):
    data = gzip.compress(text_of(random_rows(np.random.default_rng(0), 500)).encode())
    rng = np.random.default_rng(0)
    for n in rng.integers(1, len(data) - 1, 20):
        file = tmp_path / "PGS7.txt.gz"
        file.write_bytes(data[: int(n)])
        with pytest.raises(InputError, match="cannot be read"):
            read_scoring_file(file)
    file.write_bytes("Größe\t1\n".encode("latin-1"))
    with pytest.raises(InputError, match="cannot be read"):
        read_scoring_file(file.rename(tmp_path / "latin.txt"))


def test_gzipped_whatever_it_is_called(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    file = tmp_path / "PGS7.txt"
    file.write_bytes(gzip.compress(text_of(rows).encode()))
    assert len(read_scoring_file(file).variants) == len(expected_of(rows))


# --- builds ---------------------------------------------------------------------------------------


def test_positions_are_of_the_build_that_is_told(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    assert read(tmp_path, rows).build == "GRCh38"
    # Without harmonised columns the header's other build is that of the positions.
    own = read(tmp_path, [r[:8] for r in rows], columns=COLUMNS[:8])
    assert own.build == "GRCh37"
    assert own.variants["pos"].tolist() == [int(r[2]) for r in rows]
    # Half of a harmonised position is none.
    half = read(tmp_path, [r[:9] for r in rows], columns=COLUMNS[:9])
    assert half.variants["pos"].tolist() == [int(r[2]) for r in rows]
    assert half.variants["chrom"].tolist() == [r[1] for r in rows]


def test_builds_by_contig_lengths():
    for build, lengths in LENGTHS.items():
        assert build_by_lengths({f"chr{c}": n for c, n in lengths.items()}) == build
        assert build_by_lengths({"22": lengths["22"], "GL000192.1": 547496}) == build
    assert build_by_lengths({"chr1": 1000}) is None
    assert build_by_lengths({}) is None
    mixed = {"1": LENGTHS["GRCh37"]["1"], "2": LENGTHS["GRCh38"]["2"]}
    assert build_by_lengths(mixed) is None
    assert [build_name(b) for b in ("hg38", "GRCH37", "NR", "")] == [
        "GRCh38", "GRCh37", "unknown", "unknown",
    ]  # fmt: skip
    assert [chromosome_name(c) for c in ("chr01", "23", "M", "chrY", "1_random")] == [
        "1", "X", "MT", "Y", "1_random",
    ]  # fmt: skip


# --- alleles and weights --------------------------------------------------------------------------


def test_inferred_other_alleles(tmp_path):
    columns = [*COLUMNS[:4], "effect_weight", "hm_inferOtherAllele", "hm_chr", "hm_pos"]
    rows = [["rs1", "1", "5", "A", "1", "C/T", "1", "5"], ["rs2", "1", "6", "A", "1", "", "1", "6"],
            ["rs3", "1", "7", "A", "1", "['G', 'T']", "1", "7"]]  # fmt: skip
    found = read(tmp_path, rows, columns=columns).variants["other"]
    assert found.tolist()[::2] == ["C/T", "G/T"]
    assert pd.isna(found[1])
    # The author's own stands before what was inferred, row by row.
    both = [[*r, other] for r, other in zip(rows, ["G", "C", "NA"], strict=True)]
    found = read(tmp_path, both, columns=[*columns, "other_allele"]).variants["other"]
    assert found.tolist() == ["G", "C", "G/T"]
    assert candidates("C|T , G") == ("C", "T", "G")
    assert candidates(None) == ()


def test_reference_allele_of_old_files_is_the_other_allele(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    columns = [c.replace("other_allele", "reference_allele") for c in COLUMNS]
    found = read(tmp_path, rows, columns=columns)
    pd.testing.assert_frame_equal(found.variants[READ], expected_of(rows), check_dtype=False)


@pytest.mark.parametrize("seed", range(5))
def test_repeated_rows_count_once_and_contradictions_are_refused(tmp_path, seed):
    rng = np.random.default_rng(seed)
    rows = [r for r in random_rows(rng, 20) if r[8]]
    once = read(tmp_path, rows)
    number = next(i for i, r in enumerate(rows) if {r[3], r[4]} not in ({"A", "T"}, {"C", "G"}))
    row = rows[number]
    turn = str.maketrans("ACGT", "TGCA")
    same = [row, ["rs77", *row[1:]], [*row[:3], row[3].translate(turn), row[4].translate(turn),
            *row[5:]]]  # fmt: skip
    for again in same:
        at = int(rng.integers(0, len(rows) + 1))
        found = read(tmp_path, [*rows[:at], again, *rows[at:]])
        assert found.duplicates == 1
        order = ["chrom", "pos"]
        pd.testing.assert_frame_equal(
            found.variants[READ].sort_values(order, ignore_index=True)[["chrom", "pos", "weight"]],
            once.variants[READ].sort_values(order, ignore_index=True)[["chrom", "pos", "weight"]],
        )
    wrong = [[*row[:5], "9.5", *row[6:]], [*row[:3], row[4], row[3], *row[5:]]]
    for again in wrong:
        with pytest.raises(InputError, match=f"rows {number + 1} and {len(rows) + 1} are of one"):
            read(tmp_path, [*rows, again])


def test_weights_that_may_be_ratios(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    ratios = [[*r[:5], f"{np.exp(float(r[5])):.6f}", *r[6:]] for r in rows]
    stated = [*COMMENTS, "#weight_type=OR"]
    with pytest.raises(InputError, match="--ratios log"):
        read(tmp_path, ratios, comments=stated)
    file = write(tmp_path, text_of(ratios, comments=stated))
    logged = read_scoring_file(file, ratios="log").variants["weight"]
    np.testing.assert_allclose(logged, expected_of(rows)["weight"], atol=1e-5)
    given = read_scoring_file(file, ratios="as_given").variants["weight"]
    np.testing.assert_allclose(given, expected_of(ratios)["weight"])
    # Negative weights are no ratios, whatever the header says of the author's.
    assert len(read(tmp_path, rows, comments=stated).variants) == len(expected_of(rows))
    # The column of ratios tells on its own.
    columns = [*COLUMNS, "OR"]
    with pytest.raises(InputError, match="--ratios log"):
        read(tmp_path, [[*r, r[5]] for r in ratios], columns=columns)
    positive = [[*r[:5], r[5].lstrip("-"), *r[6:]] for r in rows]
    logs = [[*r, f"{np.exp(float(r[5])):.4f}"] for r in positive]
    fine = read(tmp_path, logs, columns=columns, comments=stated)
    np.testing.assert_allclose(fine.variants["weight"], expected_of(positive)["weight"])


def test_a_score_without_weight_is_refused(tmp_path):
    rows = [[*r[:5], "0", *r[6:]] for r in random_rows(np.random.default_rng(0))]
    with pytest.raises(InputError, match="every weight is 0"):
        read(tmp_path, rows)


@pytest.mark.parametrize(
    ("said", "ratios"),
    [("OR", True), ("odds_ratio", True), ("OddsRatio", True), ("Hazard Ratio (HR)", True),
     ("relative risks", True), ("exp(beta)", True), ("log(OR)", False), ("log odds ratio", False),
     ("ln(HR)", False), ("logOR", False), ("beta", False), ("NR", False), ("", False)],
)  # fmt: skip
def test_what_is_said_of_weights_in_any_spelling(tmp_path, said, ratios):
    rows = [[*row[:5], "1.5", *row[6:]] for row in random_rows(np.random.default_rng(0))]
    comments = [*COMMENTS, f"#weight_type={said}"]
    if not ratios:
        assert (read(tmp_path, rows, comments=comments).variants["weight"] == 1.5).all()
        return
    with pytest.raises(InputError, match="may be odds or hazard ratios"):
        read(tmp_path, rows, comments=comments)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_all_rows_may_end_early(tmp_path, end):
    rows = random_rows(np.random.default_rng(1))
    columns = [*COLUMNS, "is_recessive", "imputation_method"]
    found = read(tmp_path, rows, columns=columns, end=end).variants
    pd.testing.assert_frame_equal(found, read(tmp_path, rows).variants)
