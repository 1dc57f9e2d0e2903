"""A new format of genotypes is one module and one line in the registry."""

from __future__ import annotations

import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import VariantsDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.haplotypes import personal_sequences
from neurogenomics_kb.genome.variants import GENOTYPE_FORMATS, open_variants
from tests.extending import toy_genotypes
from tests.genome.conftest import write_fasta
from tests.genome.test_haplotypes import EXON, REFERENCE, sequences_of


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.setitem(GENOTYPE_FORMATS, "toy", toy_genotypes.FORMAT)  # the registration line
    path = tmp_path / "v.toy.csv"
    path.write_text("chrom,pos,ref,alt,a,b\nchr1,6,C,T,0|1,1|1\nchr1,10,C,CGG,1|0,0|0\n")
    return path


def test_it_is_read_wherever_genotypes_are(toy, tmp_path):
    fasta = write_fasta(tmp_path / "reference.fa", REFERENCE)
    result = personal_sequences(fasta, EXON, toy, ["b", "a"])
    assert sequences_of(result, "b") == dict.fromkeys([("G.1", 1), ("G.1", 2)], "ATGTACGTACGTACGT")
    assert sequences_of(result, "a")["G.1", 1] == "ACGTACGGGTACGTACGT"
    assert VariantsDataset(filepath=str(toy)).load() == toy


def test_it_has_options_of_its_own(toy):
    toy.write_text(toy.read_text().replace("|", ":"))
    dataset = VariantsDataset(filepath=str(toy), format="toy", options={"separator": ":"})
    with open_variants(dataset.load()) as calls:
        assert [r.alleles.tolist() for r in calls.records("chr1", 0, 7)] == [[[0, 1], [1, 1]]]
    with pytest.raises(InputError, match=r"column 'seperator': options of the format 'toy'.*separ"):
        open_variants({"format": "toy", "path": toy, "seperator": ":"})


def test_several_files_of_it_are_one_source(toy):
    text = "chrom,pos,ref,alt,a,b\nchr1,20,T,A,0|1,1|1\nchr2,3,T,A,0|0,0|1\n"
    toy.with_name("w.toy.csv").write_text(text)
    with open_variants(toy.with_name("*.toy.csv")) as calls:
        assert calls.spans() == {"chr1": (5, 19), "chr2": (2, 2)}
        assert [r.position for r in calls.records("chr1", 0, 32)] == [5, 9, 19]


def test_unknown_formats_name_the_known_ones(toy, tmp_path):
    with pytest.raises(InputError, match="unknown format of genotypes 'tou', did you mean 'toy'"):
        open_variants({"format": "tou", "path": toy})
    other = tmp_path / "v.bgen"
    other.write_text("nothing")
    with pytest.raises(InputError, match=r"v\.bgen: .*no known format.* vcf \(\.vcf.*toy \(\.toy"):
        open_variants(other)
    with pytest.raises(DatasetError, match="Known formats: vcf, pgen, plink1, toy"):
        VariantsDataset(filepath=str(toy), format="gds").load()


def test_every_registered_format_is_whole():
    for name, each in GENOTYPE_FORMATS.items():
        assert each.name == name
        assert each.suffixes
        assert set(each.options.model_fields) >= {"format", "path"}
        assert each.options.model_fields["format"].default == name
        assert each.options.model_config["extra"] == "forbid"
