from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.genome.pgs_catalog import main as score_all
from neurogenomics_kb.genome.pgs_catalog import read_scoring_file, score_people
from neurogenomics_kb.genome.score_shards import ScoreWork, main
from tests.genome.conftest import write_vcf
from tests.genome.test_pgs_catalog import HEADER, scoring_file

PEOPLE = [f"p{i:02d}" for i in range(23)]
SHARDS = 4


def write_variants(folder, seed=0):
    rng = np.random.default_rng(seed)
    calls = np.array(["0|0", "0|1", "1|1", ".|."])
    rows = [
        ("chr1", 10 * i, "A", "G", calls[rng.choice(4, len(PEOPLE), p=[0.4, 0.3, 0.2, 0.1])])
        for i in range(1, 31)
    ]
    return write_vcf(folder / "v.vcf.gz", {"chr1": 400}, PEOPLE, rows)


@pytest.fixture
def vcf(tmp_path):
    return write_variants(tmp_path)


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(1)
    made = []
    for number in (1, 2):
        rows = [
            (1, 0, "G", "A", rng.normal(), rng.uniform(), 1, 10 * i) for i in range(number, 31, 2)
        ]
        header = HEADER.replace("PGS000001", f"PGS00000{number}")
        name = f"{number}.txt.gz"
        made.append(scoring_file(tmp_path, rows, frequency=True, name=name, header=header))
    return made


def words(vcf, files, tmp_path, *more):
    return [str(w) for w in (vcf, *files, "--cache", tmp_path / "cache", *more)]


def test_shares_of_people_make_the_table_of_all(vcf, files, tmp_path, capsys):
    whole, told = score_people(vcf, [read_scoring_file(f) for f in files])
    assert told["missing_calls"].min() > 0
    for number in range(1, SHARDS + 1):
        main(words(vcf, files, tmp_path, "--shard", f"{number}/{SHARDS}"))
    assert capsys.readouterr().out.count("computed") == SHARDS
    work = ScoreWork(str(vcf), [read_scoring_file(f) for f in files], "exclude", tmp_path / "cache")
    table, report = work.merge(SHARDS)
    pd.testing.assert_frame_equal(table, whole, rtol=0, atol=1e-12)
    pd.testing.assert_frame_equal(report, told, rtol=1e-12)
    main(words(vcf, files, tmp_path, "--merge", SHARDS, "--out", tmp_path / "s.tsv"))
    score_all([str(w) for w in (vcf, *files, "--out", tmp_path / "w.tsv")])
    merged, alone = (pd.read_csv(tmp_path / f, sep="\t") for f in ("s.tsv", "w.tsv"))
    pd.testing.assert_frame_equal(merged, alone, rtol=0, atol=1e-12)


def test_a_merge_refuses_holes(vcf, files, tmp_path, capsys):
    main(words(vcf, files, tmp_path, "--shard", f"2/{SHARDS}"))
    with pytest.raises(SystemExit) as ended:
        main(words(vcf, files, tmp_path, "--merge", SHARDS, "--out", tmp_path / "s.tsv"))
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "3 of 4 shards are missing" in told
    assert "--shard 1/4, --shard 3/4, --shard 4/4" in told
    assert not (tmp_path / "s.tsv").exists()


def test_shares_of_other_inputs_are_not_taken(vcf, files, tmp_path, capsys):
    def again(*more, of=files):
        main(words(vcf, of, tmp_path, "--shard", "1/2", *more))
        return capsys.readouterr().out

    assert "computed" in again()
    assert "found" in again()
    assert "computed" in again("--ambiguous", "same_strand")
    assert "computed" in again(of=files[:1])
    write_variants(tmp_path, seed=5)
    assert "computed" in again()


def test_more_shards_than_people(vcf, files, tmp_path):
    work = ScoreWork(str(vcf), [read_scoring_file(f) for f in files], "exclude", tmp_path / "cache")
    people = [work.compute(Shard(number, 40))[0] for number in range(1, 41)]
    assert 0 in people
    assert sum(people) == len(PEOPLE)
    assert work.merge(40)[0]["participant_id"].tolist() == PEOPLE
