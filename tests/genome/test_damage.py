"""Damage of compressed files, and indexes of other files, are noticed before anything is said."""

from __future__ import annotations

import gzip
import os
import shutil

import numpy as np
import pysam
import pysam.bcftools
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome import vcf
from neurogenomics_kb.genome.bgzf import BGZF_END, BgzfFile
from neurogenomics_kb.genome.haplotypes import personal_sequences
from neurogenomics_kb.genome.variants import open_variants
from tests.genome.conftest import write_fasta, write_vcf
from tests.genome.test_haplotypes import make_regions

LENGTH = 60_000
SAMPLES = [f"s{i}" for i in range(60)]


def random_rows(seed, n=1500, chroms=("chr1",), n_samples=60):
    rng = np.random.default_rng(seed)
    rows = []
    for chrom in chroms:
        positions = np.sort(rng.choice(np.arange(100, LENGTH - 100), n, replace=False))
        calls = rng.integers(0, 2, (n, n_samples, 2))
        rows += [
            (chrom, int(p), "A", "C", [f"{a}|{b}" for a, b in own])
            for p, own in zip(positions, calls, strict=True)
        ]
    return rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A VCF and a BCF of several blocks, and their reference."""
    folder = tmp_path_factory.mktemp("whole")
    text = write_vcf(folder / "v.vcf.gz", {"chr1": LENGTH}, SAMPLES, random_rows(0))
    binary = folder / "c.bcf"
    pysam.bcftools.view("-Ob", "-o", str(binary), str(text), catch_stdout=False)
    pysam.bcftools.index(str(binary))
    fasta = write_fasta(folder / "reference.fa", {"chr1": "A" * LENGTH})
    return {"v.vcf.gz": text, "c.bcf": binary, "reference": fasta}


@pytest.fixture(params=["whole", "indexed"])
def mode(request, monkeypatch):
    """Small files are read whole, large ones by their index; both must hold."""
    monkeypatch.setattr(vcf, "WHOLE", 1 << 30 if request.param == "whole" else 0)
    return request.param


def blocks(data):
    """Begin and length of every block."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 16 : at + 18], "little") + 1
        found.append((at, size))
        at += size
    return found


def damage(data, rng, kind):
    """Bytes of a file with one damaged block; the end block stays unless that is the damage."""
    out = bytearray(data)
    at, size = blocks(data)[int(rng.integers(len(blocks(data)) - 1))]
    if kind == "header":
        out[at + int(rng.integers(18))] ^= 1 << int(rng.integers(8))
    elif kind == "payload":
        out[at + 18 + int(rng.integers(size - 26))] ^= 1 << int(rng.integers(8))
    elif kind == "checksum":
        out[at + size - 1 - int(rng.integers(8))] ^= 1 << int(rng.integers(8))
    elif kind == "zeros":
        n = int(rng.integers(1, size - 18))
        out[at + 18 : at + 18 + n] = bytes(n)
    elif kind == "noise":
        n = min(size, 400)
        out[at : at + n] = rng.bytes(n)
    elif kind == "lost bytes":
        del out[at + 18 : at + 18 + int(rng.integers(1, size - 18))]
    elif kind == "lost block":
        del out[at : at + size]
    elif kind == "repeated block":
        out[at:at] = out[at : at + size]
    elif kind == "cut":
        out = out[: int(rng.integers(1, len(out) - 1))]
    elif kind == "cut, end block put back":
        out = out[:at] + out[-len(BGZF_END) :]
    elif kind == "no end block":
        out = out[: -len(BGZF_END)]
    return bytes(out)


KINDS = [
    "header", "payload", "checksum", "zeros", "noise", "lost bytes", "lost block", "repeated block",
    "cut", "cut, end block put back", "no end block",
]  # fmt: skip
EVERYTHING = make_regions(("w", "w", "chr1", 0, LENGTH))


def error_of(read):
    """The one line that reading ends in; None if it does not."""
    try:
        read()
    except InputError as error:
        return str(error)
    return None


def count_noticed(source, reference, folder, n, seed):
    """How many of n random damages end in an error that names the file."""
    rng = np.random.default_rng(seed)
    data, path = source.read_bytes(), folder / source.name
    for suffix in (".tbi", ".csi"):
        if source.with_name(source.name + suffix).exists():
            shutil.copy(f"{source}{suffix}", f"{path}{suffix}")
    noticed, missed = 0, []
    for draw in range(n):
        kind = KINDS[draw % len(KINDS)]
        damaged = damage(data, rng, kind)
        if damaged == data:
            noticed += 1
            continue
        path.write_bytes(damaged)
        error = error_of(lambda: personal_sequences(reference, EVERYTHING, path))
        if error is None:
            missed.append((draw, kind))
            continue
        assert path.name in error
        assert "\n" not in error
        noticed += 1
    assert not missed
    return noticed


@pytest.mark.parametrize("name", ["v.vcf.gz", "c.bcf"])
def test_random_damage_is_noticed(whole, tmp_path, name, mode):
    n = 2 * len(KINDS)
    assert count_noticed(whole[name], whole["reference"], tmp_path, n, seed=1) == n


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v.vcf.gz", "c.bcf"])
def test_two_hundred_random_damages_are_noticed(whole, tmp_path, name, mode):
    assert count_noticed(whole[name], whole["reference"], tmp_path, 200, seed=2) == 200


def test_undamaged_files_are_read(whole, mode):
    read = [
        personal_sequences(whole["reference"], EVERYTHING, whole[n]) for n in ("v.vcf.gz", "c.bcf")
    ]
    assert read[0].counts["records"] == read[1].counts["records"] == 1500
    assert read[0].distinct == read[1].distinct


def test_whole_files_notice_damage_outside_the_regions(whole, tmp_path):
    data = bytearray(whole["v.vcf.gz"].read_bytes())
    at, _ = blocks(bytes(data))[-2]
    data[at + 40] ^= 1
    path = tmp_path / "v.vcf.gz"
    path.write_bytes(bytes(data))
    shutil.copy(f"{whole['v.vcf.gz']}.tbi", f"{path}.tbi")
    with pytest.raises(InputError, match=r"v\.vcf\.gz: the compressed block at byte"):
        personal_sequences(whole["reference"], make_regions(("x", "x", "chr1", 0, 90)), path)


@pytest.mark.parametrize("older", [True, False])
def test_index_of_another_file(tmp_path, mode, older):
    """Whatever the other file was: an error, or every record."""
    contigs = dict.fromkeys(("chr1", "chr2", "chr3"), LENGTH)
    refused = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n = int(rng.choice([3, 40, 300]))
        chroms = [("chr1",), ("chr1", "chr2"), ("chr2", "chr3")][seed % 3]
        own = random_rows(seed, n, ("chr1", "chr3"), 2)
        path = write_vcf(tmp_path / "a.vcf.gz", contigs, ["x", "y"], own)
        other = random_rows(seed + 100, n + seed % 2, chroms, 2)
        write_vcf(tmp_path / "b.vcf.gz", contigs, ["x", "y"], other)
        shutil.copy(tmp_path / "b.vcf.gz.tbi", tmp_path / "a.vcf.gz.tbi")
        if older:
            os.utime(tmp_path / "a.vcf.gz.tbi", (1, 1))

        def read(path=path, own=own):
            with open_variants(path) as calls:
                for chrom in contigs:
                    found = [r.position + 1 for r in calls.records(chrom, 0, LENGTH)]
                    assert found == [row[1] for row in own if row[0] == chrom]

        error = error_of(read)
        assert error is None or "a.vcf.gz" in error
        refused += error is not None
    assert refused >= 10


def test_index_that_lost_records(tmp_path):
    """Equal length and equal blocks, and yet one record stands where the index does not look."""
    rows = [("chr1", p, "A", "C", ["0|1"]) for p in (20_000, 20_010, 50_000)]
    path = write_vcf(tmp_path / "v.vcf.gz", {"chr1": LENGTH}, ["a"], rows)
    kept = (tmp_path / "v.vcf.gz.tbi").read_bytes()
    rows[1] = ("chr1", 40_010, *rows[1][2:])
    write_vcf(path, {"chr1": LENGTH}, ["a"], rows)
    (tmp_path / "v.vcf.gz.tbi").write_bytes(kept)
    with pytest.raises(InputError, match="index is of another file"), open_variants(path):
        pass


@pytest.mark.parametrize("suffix", [".tbi", ".csi"])
def test_damaged_index(tmp_path, mode, suffix):
    path = write_vcf(
        tmp_path / "v.vcf.gz", {"chr1": LENGTH}, SAMPLES[:2], random_rows(3, 50, n_samples=2)
    )
    if suffix == ".csi":
        (tmp_path / "v.vcf.gz.tbi").unlink()
        pysam.tabix_index(str(path), preset="vcf", force=True, csi=True)
    index = tmp_path / f"v.vcf.gz{suffix}"
    data, rng = index.read_bytes(), np.random.default_rng(0)
    for _ in range(20):
        index.write_bytes(data[: int(rng.integers(len(data) - 30))])
        with pytest.raises(InputError, match=r"v\.vcf\.gz"), open_variants(path) as calls:
            list(calls.records("chr1", 0, LENGTH))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"##fileformat=VCFv4.2\n", "not bgzipped"),
        (b"\x1f\x8b\x08\x00rest", "gzip, not bgzip"),
        (BGZF_END, "no header line"),
    ],
)
def test_files_that_are_no_vcf(tmp_path, content, message):
    path = tmp_path / "v.vcf.gz"
    path.write_bytes(content)
    (tmp_path / "v.vcf.gz.tbi").write_bytes(b"")
    with pytest.raises(InputError, match=message):
        open_variants(path)


def test_a_block_is_read_once_and_by_its_own_size(whole):
    file = BgzfFile(whole["v.vcf.gz"])
    content, following = file.block(0)
    assert content.startswith(b"##fileformat")
    assert following < file.size
    assert file.block(0)[0] is content
    with pytest.raises(InputError, match="at byte 5 is damaged"):
        file.block(5)
    file.close()


def test_damaged_bytes_of_an_index_are_one_line_or_the_same_records(tmp_path):
    file = write_vcf(tmp_path / "v.vcf.gz", {"chr1": LENGTH}, SAMPLES[:3],
                     random_rows(3, n=40, n_samples=3))  # fmt: skip
    index = tmp_path / "v.vcf.gz.tbi"
    data, rng = gzip.decompress(index.read_bytes()), np.random.default_rng(8)

    def places():
        with open_variants(file) as calls:
            return [r.position for r in calls.records("chr1", 0, LENGTH)]

    right, refused = places(), 0
    for _ in range(300):
        damaged = bytearray(data)
        damaged[int(rng.integers(len(data)))] = int(rng.integers(256))
        index.write_bytes(gzip.compress(bytes(damaged), 1))
        try:
            assert places() == right
        except InputError:
            refused += 1
    assert refused > 50
