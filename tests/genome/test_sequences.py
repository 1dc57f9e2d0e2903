from __future__ import annotations

import os

import numpy as np
import pysam
import pytest

from neurogenomics_kb.datasets import FastaDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.sequences import contig_lengths, open_reference, reverse_complement


def test_reverse_complement():
    assert reverse_complement("AACGTN") == "NACGTT"
    assert reverse_complement(reverse_complement("acgtRYACGN")) == "acgtRYACGN"


def test_contig_lengths(tmp_path):
    path = tmp_path / "r.fa"
    path.write_text(">a one\nACGTA\nCG\n>b\nAC\n")
    assert contig_lengths(path) == {"a": 7, "b": 2}


def test_unreadable_fasta_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_reference(tmp_path / "none.fa")
    ragged = tmp_path / "ragged.fa"
    ragged.write_text(">a\nACGTA\nCGTACGT\nACG\n")
    with pytest.raises(InputError, match="cannot be indexed"):
        open_reference(ragged)


def packed(path, text):
    """The FASTA under bgzip, in blocks of 1,000 bases, with its indexes."""
    plain = path.with_suffix("")
    plain.write_text(text)
    pysam.tabix_compress(str(plain), str(path), force=True)
    plain.unlink()
    pysam.faidx(str(path))
    return path


def random_fasta(seed, n=3, width=60, length=70_000):
    rng = np.random.default_rng(seed)
    contigs = {f"chr{i}": "".join(rng.choice(list("ACGTNacgtRY"), length - i)) for i in range(n)}
    lines = [
        f">{name} note\n" + "".join(s[i : i + width] + "\n" for i in range(0, len(s), width))
        for name, s in contigs.items()
    ]
    return contigs, "".join(lines)


def test_bgzipped_reads_like_plain(tmp_path):
    contigs, text = random_fasta(0)
    (tmp_path / "plain.fa").write_text(text)
    file = packed(tmp_path / "r.fa.gz", text)
    rng = np.random.default_rng(1)
    with open_reference(tmp_path / "plain.fa") as plain, open_reference(file) as blocked:
        assert plain.keys() == blocked.keys() == list(contigs)
        for name, sequence in contigs.items():
            assert len(plain[name]) == len(blocked[name]) == len(sequence)
            for start in rng.integers(0, len(sequence), 20).tolist():
                stop = start + int(rng.integers(0, 3000))
                wanted = sequence[start:stop].upper()
                assert plain[name][start:stop] == blocked[name][start:stop] == wanted
    assert FastaDataset(filepath=str(file)).load() == file


def test_indexes_of_a_bgzipped_file_are_made(tmp_path):
    file = packed(tmp_path / "r.fa.gz", ">a\nACGT\nAC\n")
    for suffix in (".fai", ".gzi"):
        (tmp_path / f"r.fa.gz{suffix}").unlink()
    assert contig_lengths(file) == {"a": 6}


@pytest.mark.parametrize(("n", "width", "length"), [(2, 60, 500), (3, 50, 500), (3, 60, 440)])
def test_an_index_of_another_fasta_is_noticed(tmp_path, n, width, length):
    (tmp_path / "r.fa").write_text(random_fasta(0, 3, 60, 500)[1])
    (tmp_path / "other.fa").write_text(random_fasta(1, n, width, length)[1])
    contig_lengths(tmp_path / "other.fa")
    (tmp_path / "other.fa.fai").rename(tmp_path / "r.fa.fai")
    if n == 2:  # every contig of the index is there
        assert list(contig_lengths(tmp_path / "r.fa")) == ["chr0", "chr1"]
        return
    with pytest.raises(InputError, match=r"r\.fa: the index \(\.fai\) is of another FASTA"):
        contig_lengths(tmp_path / "r.fa")


def test_an_older_index_is_made_again(tmp_path):
    file = tmp_path / "r.fa"
    file.write_text(">a\nACGT\n")
    assert contig_lengths(file) == {"a": 4}
    file.write_text(">b\nACGTACGT\n")
    os.utime(tmp_path / "r.fa.fai", (1, 1))
    assert contig_lengths(file) == {"b": 8}


def test_damaged_bgzipped_references_are_noticed(tmp_path):
    file = packed(tmp_path / "r.fa.gz", random_fasta(2)[1])
    data, rng = file.read_bytes(), np.random.default_rng(0)

    def read():
        with open_reference(file) as reference:
            return [reference[name][:] for name in reference.keys()]  # noqa: SIM118

    read()
    for draw in range(40):
        damaged = bytearray(data)
        place = int(rng.integers(18, len(data) - 28))
        if draw % 2:
            damaged[place] ^= 1 << int(rng.integers(8))
        else:
            del damaged[place:]
        file.write_bytes(bytes(damaged))
        os.utime(file, (1, 1))  # the indexes are younger
        with pytest.raises(InputError, match=r"r\.fa\.gz: "):
            read()


@pytest.mark.parametrize("text", ["", "ACGT\n", ">a\nAC GT\n>b\n12345\n"])
def test_files_that_are_no_fasta(tmp_path, text):
    file = tmp_path / "r.fa"
    file.write_text(text)
    with pytest.raises(InputError, match=r"r\.fa: "), open_reference(file) as reference:
        [reference[name][:] for name in ("b", "a")]


def test_a_contig_that_is_there_twice_is_refused(tmp_path):
    file = tmp_path / "r.fa"
    file.write_text(">a\nACGT\n>b desc\nGG\n>a\nTTTT\n>c\nAC\n")
    for _ in range(2):  # with and without an index
        with pytest.raises(InputError, match=r"r\.fa: contig 'a' is there twice"):
            contig_lengths(file)
    file.write_text(">a\nACGT\n>empty\n>a1 a\nGG\n\n")
    os.utime(tmp_path / "r.fa.fai", (1, 1))
    assert contig_lengths(file) == {"a": 4, "a1": 2}
