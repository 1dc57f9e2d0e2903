"""PLINK 1 file sets, and tables of people and sites of both PLINKs."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.haplotypes import personal_sequences
from neurogenomics_kb.genome.variants import open_variants
from tests.genome.conftest import write_fasta, write_vcf
from tests.genome.test_haplotypes import EXON, REFERENCE
from tests.genome.test_pgen import ROWS, write_pgen

CODES = {(1, 1): 0, (-1, -1): 1, (0, 1): 2, (0, 0): 3}


def write_bed(path, samples, rows):
    """Rows are (chrom, 1-based position, ref, alt, genotypes as pairs of 0, 1 and -1)."""
    data = bytearray((0x6C, 0x1B, 0x01))
    for *_, calls in rows:
        packed = bytearray((len(samples) + 3) // 4)
        for i, pair in enumerate(calls):
            packed[i // 4] |= CODES[tuple(sorted(pair))] << 2 * (i % 4)
        data += packed
    path.write_bytes(bytes(data))
    bim = [
        f"{chrom}\trs{i}\t0\t{p}\t{alt}\t{ref}" for i, (chrom, p, ref, alt, _) in enumerate(rows)
    ]
    path.with_suffix(".bim").write_text("\n".join(bim) + "\n")
    fam = [f"F{i}\t{sample}\t0\t0\t1\t-9" for i, sample in enumerate(samples)]
    path.with_suffix(".fam").write_text("\n".join(fam) + "\n")
    return path


@pytest.mark.parametrize("n", [1, 3, 4, 5, 9])
def test_calls_are_what_was_written(tmp_path, n):
    rng = np.random.default_rng(n)
    pairs = [(0, 0), (0, 1), (1, 1), (-1, -1)]
    samples = [f"s{i}" for i in range(n)]
    rows = [
        ("chr1", p, "AC", "A", [pairs[k] for k in rng.integers(0, 4, n)]) for p in (5, 9, 9, 17)
    ]
    path = write_bed(tmp_path / "v.bed", samples, rows)
    chosen = samples[::-1][: max(1, n - 1)]
    with open_variants(path, chosen) as calls:
        found = list(calls.records("chr1", 0, 99))
        assert [r.position for r in found] == [4, 8, 8, 16]
        assert [r.position for r in calls.records("chr1", 5, 9)] == [4, 8, 8]
        for record, (*_, written) in zip(found, rows, strict=True):
            wanted = [sorted(written[samples.index(sample)]) for sample in chosen]
            assert np.sort(record.alleles, axis=1).tolist() == wanted
            assert (record.ref, record.alts) == ("AC", ("A",))
            assert not record.phased.any()


def test_it_is_unphased_and_may_be_turned(tmp_path):
    fasta = write_fasta(tmp_path / "reference.fa", REFERENCE)
    path = write_bed(tmp_path / "v.bed", ["a", "b"], [("chr1", 6, "C", "T", [(0, 1), (1, 1)])])
    with pytest.raises(InputError, match="1 unphased heterozygous"):
        personal_sequences(fasta, EXON, path)
    assert len(personal_sequences(fasta, EXON, path, unphased="as_listed").distinct) == 2
    turned = write_bed(tmp_path / "w.bed", ["a", "b"], [("chr1", 6, "T", "C", [(0, 1), (0, 0)])])
    with pytest.raises(InputError, match="REF differs"):
        personal_sequences(fasta, EXON, turned, unphased="as_listed")
    source = {"format": "plink1", "path": turned, "reference": "a1"}
    found = personal_sequences(fasta, EXON, source, ["b"])
    assert set(found.distinct) == {"ATGTACGTACGTACGT"}


@pytest.mark.parametrize("name", ["PAR1", "XY", "25", "PAR2"])
def test_pseudoautosomal_stretches_are_parts_of_x(tmp_path, name):
    x = "23" if name == "25" else "X"
    rows = [
        (name, 50, "A", "C", [(0, 1)]),
        (x, 20, "A", "G", [(1, 1)]),
        (x, 90, "A", "T", [(0, 0)]),
    ]
    path = write_bed(tmp_path / "v.bed", ["a"], rows)
    with open_variants(path) as calls:
        assert calls.contigs == [x]
        assert [r.position for r in calls.records(x, 0, 99)] == [19, 49, 89]
        assert calls.spans() == {x: (19, 89)}


@pytest.mark.parametrize(
    ("chroms", "x"),
    [(("PAR1", "chrX"), "chrX"), (("chr22", "PAR1"), "chrX"), (("22", "PAR1"), "X")],
)
def test_x_is_spelt_as_the_other_contigs(tmp_path, chroms, x):
    rows = [(chrom, 10 + i, "A", "C", ["0|1", "1|1"]) for i, chrom in enumerate(chroms)]
    with open_variants(write_pgen(tmp_path / "v.pgen", ["a", "b"], rows)) as calls:
        assert x in calls.contigs
        assert "PAR1" not in calls.contigs
        assert calls.spans()[x][0] in (9, 10)


def test_header_and_rows_may_spell_x_differently(tmp_path):
    """As plink2 writes it: the header of the VCF, contigs in its own spelling."""
    rows = [("PAR1", 10, "A", "C", ["0|1", "1|1"]), ("X", 90, "A", "C", ["0|0", "1|1"])]
    path = write_pgen(tmp_path / "v.pgen", ["a", "b"], rows)
    pvar = path.with_suffix(".pvar")
    pvar.write_text("##contig=<ID=chrX,length=99>\n" + pvar.read_text())
    with open_variants(path) as calls:
        assert calls.contigs == ["X"]
        assert [r.position for r in calls.records("X", 0, 99)] == [9, 89]
    pvar.write_text(pvar.read_text().replace("\nX\t", "\nPAR2\t"))
    with open_variants(path) as calls:
        assert calls.spans() == {"chrX": (9, 89)}


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
@pytest.mark.parametrize("style", [["--output-chr", "chrM"], ["--output-chr", "M"]])
def test_split_by_plink2_equals_the_vcf(tmp_path, style):
    rng = np.random.default_rng(0)
    places = np.array([650_000, 2_850_000, 155_800_000]) + rng.integers(0, 9999, 3)
    samples = ["m1", "f1", "m2"]
    rows = [
        ("chrX", int(p), "A", "C", [f"{a}|{b}" for a, b in rng.integers(0, 2, (3, 2))])
        for p in np.sort(places)
    ]
    rows[1] = (*rows[1][:4], ["1", "0|1", "0"])
    vcf = write_vcf(tmp_path / "v.vcf.gz", {"chrX": 156_040_895}, samples, rows)
    (tmp_path / "sex.txt").write_text("#IID\tSEX\nm1\t1\nf1\t2\nm2\t1\n")
    command = ["plink2", "--vcf", vcf, "--update-sex", tmp_path / "sex.txt", "--split-par", "b38"]
    command += [*style, "--threads", "1", "--make-pgen", "--out", tmp_path / "x"]
    subprocess.run(command, check=True, capture_output=True)
    with open_variants(vcf) as one, open_variants(tmp_path / "x.pgen") as other:
        name = "chrX" if style[1] == "chrM" else "X"
        assert other.contigs == [name]
        pairs = zip(one.records("chrX", 0, 1 << 28), other.records(name, 0, 1 << 28), strict=True)
        for wanted, found in pairs:
            assert found.position == wanted.position
            assert found.alleles.tolist() == wanted.alleles.tolist()
            heterozygous = found.alleles[:, 0] != found.alleles[:, 1]
            assert found.phased[heterozygous].all()


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def by_person(path):
    path.write_bytes(b"\x6c\x1b\x00" + path.read_bytes()[3:])


def rename(suffix, text):
    return lambda path: path.with_suffix(suffix).write_text(text)


FAM = "F1 a 0 0 1 -9\nF2 b 0 0 1 -9\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut, r"v\.bed: not the \.bed of its \.bim and \.fam"),
        (by_person, r"v\.bed: not the \.bed of its"),
        (
            rename(".fam", FAM + "F3 c 0 0 1 -9\nF4 d 0 0 1 -9\nF5 e 0 0 1 -9\n"),
            "not the .bed of its",
        ),
        (rename(".fam", "F1 a 0 0 1 -9\nF2 a 0 0 1 -9\n"), "occur more than once: a .* families"),
        (rename(".fam", "F1 a b 0 0 1 -9\nF2 b 0 0 1 -9\n"), r"v\.fam: row 2 has 6 fields"),
        (rename(".fam", ""), "sites only, no samples"),
        (rename(".bim", "chr1 rs1 0 x C T\n"), r"v\.bim: a position is no whole number"),
        (rename(".bim", "chr1 rs1 0 6 C 0\n"), r"1 variants have no reference allele"),
        (lambda path: path.with_suffix(".bim").unlink(), r"v\.bim: the file does not exist"),
    ],
)
def test_unusable_sets_are_refused(tmp_path, change, message):
    rows = [("chr1", 6, "C", "T", [(0, 1), (1, 1)])]
    path = write_bed(tmp_path / "v.bed", ["a", "b"], rows)
    change(path)
    with pytest.raises(InputError, match=message):
        open_variants(path)


def test_people_of_a_psam(tmp_path):
    path = write_pgen(tmp_path / "v.pgen", ["NA", "002"], ROWS)
    assert open_variants(path).samples == ["NA", "002"]
    psam = path.with_suffix(".psam")
    psam.write_text("##note\n#FID IID SEX\nF1 NA 1\n\nF2 nan 2\n")
    assert open_variants(path).samples == ["NA", "nan"]
    psam.write_text("#FID\tIID\nF1\ta\nF2\ta\n")
    with pytest.raises(InputError, match=r"occur more than once: a .* over families"):
        open_variants(path)
    psam.write_text("#IID\tSEX\na b\t1\nc\t1\n")
    with pytest.raises(InputError, match=r"v\.psam: row 2 has 3 fields, the first one 2"):
        open_variants(path)
    psam.write_bytes(b"#IID\ngr\xfcn\nb\n")
    with pytest.raises(InputError, match=r"v\.psam: the \.psam is not UTF-8"):
        open_variants(path)


def test_tables_of_a_pgen_under_another_name(tmp_path):
    path = write_pgen(tmp_path / "v.pgen", ["a", "b"], ROWS)
    path.with_suffix(".psam").rename(tmp_path / "people.psam")
    path.with_suffix(".pvar").rename(tmp_path / "sites.pvar")
    source = {
        "format": "pgen", "path": path,
        "sites": tmp_path / "sites.pvar", "people": tmp_path / "people.psam",
    }  # fmt: skip
    with open_variants(source) as calls:
        assert calls.spans() == {"chr1": (5, 18), "chr2": (2, 2)}


def test_truncated_pgens_are_noticed(tmp_path):
    rng = np.random.default_rng(0)
    samples = [f"s{i}" for i in range(40)]
    rows = [
        ("chr1", 10 + i, "A", "C", [f"{a}|{b}" for a, b in rng.integers(0, 2, (40, 2))])
        for i in range(60)
    ]
    path = write_pgen(tmp_path / "v.pgen", samples, rows)
    data = path.read_bytes()

    def read():
        with open_variants(path) as calls:
            return list(calls.records("chr1", 0, 999))

    assert len(read()) == 60
    for size in rng.integers(1, len(data) - 1, 40):
        path.write_bytes(data[: int(size)])
        with pytest.raises(InputError, match=r"v\.pgen"):
            read()


@pytest.mark.parametrize("header", ["#FID IID PAT MAT SEX", "FID IID PAT MAT SEX PHENO", "#IID"])
def test_a_header_among_people_is_nobody(tmp_path, header):
    rows = [("chr1", p, "A", "C", [(0, 1), (1, 1), (0, 0)]) for p in (5, 9)]
    path = write_bed(tmp_path / "v.bed", ["a", "b", "c"], rows)
    fam = path.with_suffix(".fam")
    lines = fam.read_text().splitlines()
    width = len(header.split())
    lines = [" ".join((["F"] if width > 1 else []) + line.split()[1:])[:99] for line in lines]
    lines = [" ".join(line.split()[:width]) for line in lines]
    fam.write_text("\n".join([header, *lines]) + "\n")
    if width < 2:
        with pytest.raises(InputError, match=r"v\.fam"):
            open_variants(path)
        return
    with open_variants(path) as calls:
        assert calls.samples == ["a", "b", "c"]
        assert [r.alleles.tolist() for r in calls.records("chr1", 0, 99)] == [
            [[0, 1], [1, 1], [0, 0]]
        ] * 2


@pytest.mark.parametrize("n", range(4, 13))
def test_people_more_or_fewer_than_the_calls_are_noticed(tmp_path, n):
    rng = np.random.default_rng(n)
    pairs = [(0, 0), (0, 1), (1, 1)]
    samples = [f"s{i}" for i in range(n)]
    rows = [
        ("chr1", p, "A", "C", [pairs[k] for k in rng.choice(3, n, p=[0.6, 0.3, 0.1])])
        for p in range(1, 150)
    ]
    path = write_bed(tmp_path / "v.bed", samples, rows)
    fam = path.with_suffix(".fam")
    whole = fam.read_text()
    with open_variants(path) as calls:
        assert len(list(calls.records("chr1", 0, 999))) == 149
    for text in (whole.split("\n", 1)[1], whole + "F s99 0 0 1 -9\n"):
        fam.write_text(text)
        with pytest.raises(InputError, match=r"\.fam"):
            open_variants(path)


@pytest.mark.parametrize(
    ("first", "x", "last"),
    [("PAR1", "chrX", "PAR2"), ("par1", "X", "par2"), ("X_PAR1", "X", "X_PAR2"),
     ("chrPAR1", "chrX", "chrPAR2"), ("PAR1", "23", "PAR2")],
)  # fmt: skip
def test_stretches_of_x_in_any_spelling(tmp_path, first, x, last):
    rows = [(name, p, "A", "C", [(0, 1)]) for name, p in ((first, 5), (x, 50), (last, 90))]
    with open_variants(write_bed(tmp_path / "v.bed", ["a"], rows)) as calls:
        assert calls.contigs == [x]
        assert [r.position for r in calls.records(x, 0, 99)] == [4, 49, 89]
