"""What a VCF or BCF may hold, read as htslib reads it, or refused in one line."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import pytest
from cyvcf2 import VCF

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome import vcf
from neurogenomics_kb.genome.haplotypes import personal_sequences
from neurogenomics_kb.genome.variants import open_variants
from tests.genome.conftest import write_fasta
from tests.genome.test_haplotypes import EXON, REFERENCE, make_regions, sequences_of

HEADER = [
    "##fileformat=VCFv4.2",
    "##contig=<ID=chr1,length=99999>",
    "##contig=<ID=chrX,length=99999>",
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
    '##INFO=<ID=NOTE,Number=1,Type=String,Description="Note">',
    '##ALT=<ID=DEL,Description="Deletion">',
    '##ALT=<ID=NON_REF,Description="Any">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
    '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">',
]


def write(path, samples, rows, header=HEADER, line="\n"):
    """Rows are (chrom, position, ref, alt, info, format, calls)."""
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = [*header, "\t".join([*fixed, *samples])]
    for chrom, position, ref, alt, info, form, calls in rows:
        lines.append("\t".join([chrom, str(position), ".", ref, alt, ".", ".", info, form, *calls]))
    text = line.join(lines) + line
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(text if isinstance(text, bytes) else text.encode("latin-1"))
    pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


def as_bcf(path):
    other = path.with_name("v.bcf")
    pysam.bcftools.view("-Ob", "-o", str(other), str(path), catch_stdout=False)
    pysam.bcftools.index("-f", str(other))
    return other


@pytest.fixture
def reference(tmp_path):
    return write_fasta(tmp_path / "reference.fa", REFERENCE)


def one(tmp_path, calls, form="GT", samples=None, alt="T"):
    samples = samples or [f"s{i}" for i in range(len(calls))]
    return write(tmp_path / "v.vcf.gz", samples, [("chr1", 6, "C", alt, ".", form, calls)])


def record_of(path, samples=None):
    with open_variants(path, samples) as calls:
        return next(calls.records("chr1", 0, 99))


def random_rows(rng, n_samples):
    rows = []
    for chrom in ("chr1", "chrX"):
        for position in np.sort(rng.integers(1, 40_000, 30)):
            n_alts = int(rng.choice([0, 1, 1, 1, 2, 12]))
            alts = ["G", "GT", "<DEL>", "*", "t", "GTT", "CA", "CC", "CCC", "TG", "AG", "AGG"]
            form = str(rng.choice(["GT", "GT", "GT:DP"]))
            calls = []
            for _ in range(n_samples):
                pair = ["." if rng.random() < 0.1 else str(rng.integers(n_alts + 1)) for _ in "ab"]
                call = pair[0] if rng.random() < 0.2 else str(rng.choice(["|", "/"])).join(pair)
                calls.append(call if form == "GT" or rng.random() < 0.2 else f"{call}:7")
            info = f"END={position + 20_000}" if rng.random() < 0.1 else "."
            ref = str(rng.choice(["A", "AC", "a", "N", "ACGT" * 20]))
            alt = ",".join(alts[:n_alts]) or "."
            rows.append((chrom, int(position), ref, alt, info, form, calls))
    return rows


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("whole", [0, 1 << 30])
def test_same_calls_as_htslib(tmp_path, monkeypatch, seed, whole):
    monkeypatch.setattr(vcf, "WHOLE", whole)
    rng = np.random.default_rng(seed)
    samples = [f"s{i}" for i in range(int(rng.integers(1, 7)))]
    path = write(tmp_path / "v.vcf.gz", samples, random_rows(rng, len(samples)))
    chosen = [str(s) for s in rng.permutation(samples)[: max(1, len(samples) - 1)]]
    for file in (path, as_bcf(path)):
        with open_variants(file, chosen) as calls:
            for chrom in ("chr1", "chrX"):
                check_against_htslib(calls, file, chrom, rng)


def check_against_htslib(calls, file, chrom, rng):
    hts = VCF(str(file))
    columns = [hts.samples.index(sample) for sample in calls.samples]
    for start in [0, *rng.integers(0, 40_000, 8)]:
        end = int(start) + int(rng.integers(1, 9000)) if start else 50_000
        wanted = [
            v
            for v in hts(f"{chrom}:{start + 1}-{end}")
            if v.start < end and v.start + len(v.REF) > start
        ]
        found = [r for r in calls.records(chrom, int(start), end) if r.end > start]
        assert [(r.position, r.ref) for r in found] == [(v.start, v.REF.upper()) for v in wanted]
        for record, variant in zip(found, wanted, strict=True):
            raw = variant.genotype.array()[columns]
            last = np.where(raw[:, -2] == -2, raw[:, 0], raw[:, -2])
            np.testing.assert_array_equal(record.alleles, np.column_stack([raw[:, 0], last]))
            haploid = raw[:, 1] == -2 if raw.shape[1] == 3 else np.ones(len(raw), dtype=bool)
            np.testing.assert_array_equal(record.phased, raw[:, -1].astype(bool) | haploid)
            assert record.haploid == haploid.sum()


def test_no_genotypes(tmp_path, reference):
    path = one(tmp_path, ["10", "5"], "DP")
    for file in (path, as_bcf(path)):
        with pytest.raises(InputError, match=rf"{file.name}: the file holds no genotypes \(GT\)"):
            personal_sequences(reference, EXON, file)


def test_a_sample_twice(tmp_path):
    path = one(tmp_path, ["0|1", "1|1", "0|0"], samples=["a", "b", "a"])
    with pytest.raises(InputError, match=r"vcf\.gz: sample ids occur more than once: a \(1 of 2"):
        open_variants(path)


@pytest.mark.parametrize("call", ["", "x|1", "0|", "0|1|", "|", "0\\1"])
def test_calls_that_are_none(tmp_path, call):
    path = one(tmp_path, ["0|1", call])
    with pytest.raises(InputError, match=r"v\.vcf\.gz: the record at chr1:6 has a call that is no"):
        record_of(path)


@pytest.mark.parametrize(
    ("call", "alleles", "phased"),
    [
        ("|0|1", [0, 1], True), ("/0/1", [0, 1], False), ("|1", [1, 1], True),
        ("/0|1", [0, 1], False), ("0|10", [0, 10], True), (".|10", [-1, 10], True),
    ],
)  # fmt: skip
def test_unusual_calls(tmp_path, call, alleles, phased):
    alts = ",".join("ACGT"[i % 4] * (i // 4 + 2) for i in range(10))
    record = record_of(one(tmp_path, ["0|0", call], alt=alts))
    assert record.alleles[1].tolist() == alleles
    assert record.phased[1] == phased
    assert record.alleles[0].tolist() == [0, 0]


def test_calls_of_another_number_than_samples(tmp_path):
    path = one(tmp_path, ["0|1", "1|1"], samples=["a", "b", "c"])
    with pytest.raises(InputError, match="has 2 calls, the header 3 samples"):
        record_of(path)


def test_ids_that_look_like_something_else(tmp_path):
    samples = ["NA", "nan", "a b", "x,y", "^z", "-", "001"]
    path = one(tmp_path, ["0|1", "1|1", "0|0", "1|0", "0|1", "1|1", "0|0"], samples=samples)
    for file in (path, as_bcf(path)):
        with open_variants(file, samples[::-1]) as calls:
            assert calls.samples == samples[::-1]
            assert next(calls.records("chr1", 0, 9)).alleles[:, 0].tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_headers_in_other_encodings(tmp_path):
    header = [*HEADER, '##INFO=<ID=Q,Number=1,Type=String,Description="gr\u00fcn">']
    rows = [("chr1", 6, "C", "T", ".", "GT", ["0|1"])]
    path = write(tmp_path / "v.vcf.gz", ["a"], rows, header)  # Latin-1
    assert record_of(path).alleles.tolist() == [[0, 1]]
    path = write(tmp_path / "v.vcf.gz", ["gr\u00fcn"], rows)
    with pytest.raises(InputError, match=r"v\.vcf\.gz: a name in the header is not UTF-8"):
        open_variants(path)


def test_lines_of_windows_and_a_last_line_without_end(tmp_path):
    rows = [("chr1", 6, "C", "T", ".", "GT", ["0|1", "1|1"])]
    path = write(tmp_path / "v.vcf.gz", ["a", "b"], rows, line="\r\n")
    assert record_of(path).alleles.tolist() == [[0, 1], [1, 1]]
    assert open_variants(path).samples == ["a", "b"]


def test_header_only(tmp_path, reference, caplog):
    path = write(tmp_path / "v.vcf.gz", ["a"], [])
    for file in (path, as_bcf(path)):
        result = personal_sequences(reference, EXON, file)
        assert result.distinct == [REFERENCE["chr1"][4:20]]
    assert "holds no record at all in 1 of 1 genes" in caplog.text


def test_silent_genes_are_named(tmp_path, reference, caplog):
    path = one(tmp_path, ["0|1"])
    regions = make_regions(
        ("G.1", "G", "chr1", 4, 20), ("G.2", "G", "chr1", 22, 24), ("H.1", "H", "chr1", 24, 30)
    )
    with caplog.at_level(logging.WARNING):
        personal_sequences(reference, regions, path)
    assert "no record at all in 1 of 2 genes" in caplog.text
    assert caplog.text.rstrip().endswith("there: H")
    caplog.clear()
    personal_sequences(reference, regions[:2], path)
    assert not caplog.text


@pytest.mark.parametrize("binary", [False, True])
def test_phase_sets(tmp_path, reference, binary):
    rows = [
        ("chr1", 6, "C", "T", ".", "GT:PS", ["0|1:9", "0|1:9", "0|1", "0|1:9"]),
        ("chr1", 10, "C", "G", ".", "GT:PS", ["1|0:9", "1|0:13", "1|0:13", "1|1:13"]),
    ]
    path = write(tmp_path / "v.vcf.gz", ["a", "b", "c", "d"], rows)
    path = as_bcf(path) if binary else path
    with pytest.raises(InputError, match="4 unphased heterozygous calls"):
        personal_sequences(reference, EXON, path)
    with pytest.raises(InputError, match="2 unphased heterozygous calls"):
        personal_sequences(reference, EXON, path, ["a", "b", "d"])
    # One set, or one heterozygote of each set in a region, leaves nothing open.
    assert len(personal_sequences(reference, EXON, path, ["a", "d"]).index) == 4
    apart = make_regions(("G.1", "G", "chr1", 4, 8), ("G.2", "G", "chr1", 8, 20))
    assert personal_sequences(reference, apart, path).counts["unphased_heterozygotes"] == 0
    listed = personal_sequences(reference, EXON, path, unphased="as_listed")
    assert sequences_of(listed, "b") == sequences_of(listed, "a")


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("whole", [0, 1 << 30])
def test_missing_reference_blocks(tmp_path, reference, monkeypatch, binary, whole):
    monkeypatch.setattr(vcf, "WHOLE", whole)
    # The end of a block may stand far behind.
    info = f"NOTE={'x' * 400};END=12"
    rows = [
        ("chr1", 2, "C", "<NON_REF>", info, "GT:DP", ["./.:0", "0/0:9", "./.:0"]),
        ("chr1", 13, "A", "T,<NON_REF>", ".", "GT", ["0|1", "0|1", "0|0"]),
        ("chr1", 14, "C", "<NON_REF>", "END=40", "GT:DP", ["0/0:9", "0/0:9", "./.:0"]),
    ]
    path = write(tmp_path / "v.vcf.gz", ["a", "b", "c"], rows)
    result = personal_sequences(reference, EXON, as_bcf(path) if binary else path)
    assert result.missing_call_rate.round(3).to_dict() == {"a": 0.333, "b": 0.0, "c": 0.667}
    assert result.counts["missing_alleles"] == 6
    assert result.counts["applied_alleles"] == 2
    assert sorted(result.distinct) == ["ACGTACGTACGTACGT", "ACGTACGTTCGTACGT"]


def test_spelling_of_contigs_is_said(tmp_path, reference):
    for name in ("Chr1", "CHR1", "1"):
        header = [line.replace("ID=chr1", f"ID={name}") for line in HEADER]
        rows = [(name, 6, "C", "T", ".", "GT", ["0|1"])]
        path = write(tmp_path / "v.vcf.gz", ["a"], rows, header)
        with pytest.raises(InputError, match=f"It calls 'chr1' '{name}'"):
            personal_sequences(reference, EXON, path)


@pytest.mark.parametrize("whole", [0, 1 << 30])
def test_a_header_that_spells_contigs_otherwise(tmp_path, reference, monkeypatch, whole):
    monkeypatch.setattr(vcf, "WHOLE", whole)
    path = write(tmp_path / "v.vcf.gz", ["a"], [("1", 6, "C", "T", ".", "GT", ["0|1"])])
    with pytest.raises(InputError, match="It calls 'chr1' '1'"):
        personal_sequences(reference, EXON, path)
    assert open_variants(path).contigs == ["chrX", "1"]


def test_contigs_without_a_header_line_are_known(tmp_path):
    rows = [("chr1", 6, "C", "T", ".", "GT", ["0|1"])]
    path = write(tmp_path / "v.vcf.gz", ["a"], rows, [h for h in HEADER if "contig" not in h])
    with open_variants(path) as calls:
        assert calls.contigs == ["chr1"]
        assert calls.spans() == {"chr1": (5, 5)}


def test_rows_of_a_stretch_do_not_need_the_regions_in_order(tmp_path, reference, monkeypatch):
    rng = np.random.default_rng(3)
    rows = random_rows(rng, 2)
    path = write(tmp_path / "v.vcf.gz", ["a", "b"], rows)
    found = []
    for whole in (0, 1 << 30):
        monkeypatch.setattr(vcf, "WHOLE", whole)
        with open_variants(path) as calls:
            regions = [(c, s) for s in (30_000, 100, 17_000, 100) for c in ("chrX", "chr1")]
            found.append([[r.position for r in calls.records(c, s, s + 5000)] for c, s in regions])
    assert found[0] == found[1]
    assert pd.Series([len(each) for each in found[0]]).sum() > 10


@pytest.mark.parametrize("kind", ["String", "Float", "Integer"])
def test_phase_sets_of_any_type_are_those_of_the_text(tmp_path, reference, kind):
    names = {"String": ["PATMAT", "17", "a_b"], "Float": ["9", "9.5", "10"]}
    names = names.get(kind, ["9", "13", "70000"])
    header = [h.replace("ID=PS,Number=1,Type=Integer", f"ID=PS,Number=1,Type={kind}")
              for h in HEADER]  # fmt: skip
    rng = np.random.default_rng(len(kind))
    for draw in range(8):
        chosen = [str(rng.choice([*names, "."])) for _ in range(2)]
        start = int(EXON["start"].iloc[0])
        rows = [
            ("chr1", p, REFERENCE["chr1"][p - 1], "<X>", ".", "GT:PS", [f"0|1:{s}", "0/0:."])
            for p, s in zip((start + 1, start + 3), chosen, strict=True)
        ]
        text = write(tmp_path / f"{draw}.vcf.gz", ["a", "b"], rows, header)
        counts = [
            personal_sequences(reference, EXON, file, unphased="as_listed").counts
            for file in (text, as_bcf(text))
        ]
        assert counts[0] == counts[1]
        assert (counts[0]["unphased_heterozygotes"] > 0) == (chosen[0] != chosen[1])


def test_contigs_taken_out_of_a_bcf_header_leave_their_numbers(tmp_path):
    header = ["##fileformat=VCFv4.2", '##FILTER=<ID=PASS,Description="",IDX=0>',
              "##contig=<ID=chr1,length=99999,IDX=0>", "##contig=<ID=chr2,length=99999,IDX=3>",
              '##FORMAT=<ID=GT,Number=1,Type=String,Description="",IDX=5>']  # fmt: skip
    rows = [(c, 10, "A", "C", ".", "GT", ["0|1"]) for c in ("chr1", "chr2")]
    file = as_bcf(write(tmp_path / "v.vcf.gz", ["a"], rows, header))
    for whole in (0, 1 << 30):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vcf, "WHOLE", whole)
            with open_variants(file) as calls:
                assert calls.contigs == ["chr1", "chr2"]
                assert [len(list(calls.records(c, 0, 99))) for c in calls.contigs] == [1, 1]


@pytest.mark.parametrize("whole", [0, 1 << 30])
def test_reference_blocks_reach_as_far_whatever_the_id(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(vcf, "WHOLE", whole)
    for length in range(220, 270):
        file = tmp_path / f"{length}.vcf.gz"
        lines = [*HEADER, "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO",
                                     "FORMAT", "a"])]  # fmt: skip
        lines.append("\t".join(["chr1", "10", "r" * length, "A", "<NON_REF>", ".", ".", "END=60",
                                "GT", "./."]))  # fmt: skip
        with pysam.BGZFile(str(file), "wb") as stream:
            stream.write(("\n".join(lines) + "\n").encode())
        pysam.tabix_index(str(file), preset="vcf", force=True)
        with open_variants(file) as calls:
            assert [r.block_end for r in calls.records("chr1", 40, 50)] == [60]


def test_lengths_of_reference_blocks_since_vcf_45(tmp_path):
    header = [*HEADER, '##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="Length">']
    rows = [("chr1", 10, "A", "<*>", ".", "GT:LEN", ["0/0:20", "./.:51"]),
            ("chr1", 90, "A", "<*>", ".", "GT", ["0/0", "0/0"])]  # fmt: skip
    with open_variants(write(tmp_path / "v.vcf.gz", ["a", "b"], rows, header)) as calls:
        assert [r.block_end for r in calls.records("chr1", 50, 55)] == [60]
        assert [r.block_end for r in calls.records("chr1", 80, 99)] == [None]


def test_one_chromosome_under_two_names_is_refused(tmp_path):
    header = [*HEADER, "##contig=<ID=1,length=99999>"]
    rows = [("chr1", 10, "A", "C", ".", "GT", ["0|1"]), ("1", 20, "A", "C", ".", "GT", ["0|1"])]
    file = write(tmp_path / "v.vcf.gz", ["a"], rows, header)
    with pytest.raises(InputError, match=r"v\.vcf\.gz: there are records under '1' and .*'chr1'"):
        open_variants(file)
    with open_variants(write(tmp_path / "w.vcf.gz", ["a"], rows[:1], header)) as calls:
        assert len(list(calls.records("chr1", 0, 99))) == 1


def test_stretches_of_x_under_names_of_their_own_are_told(tmp_path, caplog):
    header = [*HEADER, "##contig=<ID=XY,length=99999>"]
    rows = [(c, 10, "A", "C", ".", "GT", ["0|1"]) for c in ("chrX", "XY")]
    open_variants(write(tmp_path / "v.vcf.gz", ["a"], rows, header))
    assert "records under XY are parts of X" in caplog.text
    caplog.clear()
    open_variants(write(tmp_path / "w.vcf.gz", ["a"], rows[:1], header))
    assert not caplog.text


@pytest.mark.parametrize("binary", [False, True])
def test_names_of_samples_have_no_blanks_around_them(tmp_path, binary):
    rows = [("chr1", 10, "A", "C", ".", "GT", ["0|1", "1|1"])]

    def opened(samples):
        file = write(tmp_path / "v.vcf.gz", samples, rows)
        return open_variants(as_bcf(file) if binary else file)

    assert opened([" a", "b c "]).samples == ["a", "b c"]
    with pytest.raises(InputError, match=r"v\.\w+.*: sample ids occur more than once: a"):
        opened(["a ", "a"])
    if not binary:
        with pytest.raises(InputError, match=r"samples have no name \(1 of 2"):
            opened(["a", " "])


def test_positions_of_regions_are_whole_numbers(tmp_path, reference):
    rows = [("chr1", 6, REFERENCE["chr1"][5], "T", ".", "GT", ["0|1"])]
    file = write(tmp_path / "v.vcf.gz", ["a"], rows)
    right = personal_sequences(reference, EXON, file).distinct
    assert personal_sequences(reference, EXON.astype({"start": float}), file).distinct == right
    for wrong in (4.5, np.nan):
        with pytest.raises(InputError, match="column 'start': 1 positions are no whole numbers"):
            personal_sequences(reference, EXON.assign(start=wrong), file)
