from __future__ import annotations

import pytest

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
