"""What a user sees when something is wrong: one line, and nothing half-written."""

from __future__ import annotations

import pandas as pd
import pytest

RAW = "data/01_raw/demo"


@pytest.fixture
def spoil(project):
    """Change a raw file for one test."""
    kept = {}

    def change(name, function):
        path = project.path / RAW / name
        kept[path] = path.read_bytes()
        function(path)

    yield change
    for path, content in kept.items():
        path.write_bytes(content)


def edit(function):
    """Change a table on disk."""

    def apply(path):
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        function(table).to_csv(path, sep="\t", index=False)

    return apply


def set_cell(column, value):
    def change(table):
        table.loc[3, column] = value
        return table

    return edit(change)


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("participants.tsv", lambda p: p.unlink(), ["participants.tsv: the file is missing"]),
        (
            "participants.tsv",
            edit(lambda t: pd.concat([t, t.tail(2)])),
            ["participants.tsv, column 'participant_id'", "repeat", "(4 of 402 subjects)"],
        ),
        (
            "participants.tsv",
            set_cell("age", "old"),
            ["participants.tsv, column 'age': expected numbers, found 'old' (1 of 400 subjects)"],
        ),
        (
            "participants.tsv",
            set_cell("age", "55,2"),
            ["participants.tsv, column 'age': expected numbers, found '55,2'", "decimal comma"],
        ),
        (
            "participants.tsv",
            lambda p: p.write_text(p.read_text().rstrip() + "\t1\t2\n"),
            ["participants.tsv: line 401 has 21 cells, and the header 19"],
        ),
        (
            "participants.tsv",
            lambda p: p.write_bytes(p.read_bytes() + "n\u00fcrnberg".encode("latin-1")),
            ["participants.tsv: is not UTF-8 text (line 402)"],
        ),
        (
            "participants.tsv",
            edit(lambda t: t.assign(mdd_diagnosis="1")),
            ["column 'mdd_diagnosis': the outcome is 1 for everybody (400 subjects)"],
        ),
        (
            "participants.tsv",
            set_cell("age", "n/a"),
            ["participants.tsv, column 'age': a confound has no value (1 of", "drop"],
        ),
        (
            "freesurfer/lh.aparc.volume.tsv",
            edit(lambda t: t.drop(index=5)),
            ["lh.aparc.volume.tsv", "does not hold the subjects of", "(1 of 396 subjects)"],
        ),
        (
            "genomics/reference.fa",
            lambda p: p.write_text(p.read_text().replace(">chr", ">")),
            ["contig", "chr1", "rename"],
        ),
        (
            "genomics/reference.fa",
            lambda p: p.write_text(p.read_text().translate(str.maketrans("ACGT", "CATG"))),
            ["variants.vcf.gz", "REF differs from reference.fa", "first chr1:", "build"],
        ),
        (
            "genomics/variants.vcf.gz",
            lambda p: p.write_bytes(p.read_bytes()[:-30]),
            ["variants.vcf.gz", "truncated"],
        ),
    ],
)
def test_wrong_raw_data(project, spoil, file, change, words):
    spoil(file, change)
    done = project.kedro("run", "--pipeline=integration")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for word in words:
        assert word in last
    assert "Traceback" not in done.stderr
    assert project.results == []
    assert not list(project.path.rglob(".*.saving"))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("genomics.quality.max_mising=0.1", ["genomics.quality.max_mising", "no such parameter"]),
        ("experiment.n_permutation=10", ["experiment.n_permutation", "no such parameter"]),
        (
            "experiment.n_permutations=many",
            ["experiment.n_permutations", "valid integer", "'many'"],
        ),
        (
            "experiment.blocks.brain=smri_freesurfer_pca512_v1",
            ["no embedding strategy", "did you mean 'smri_free_surfer_pca512_v1'?"],
        ),
        (
            "experiment.blocks.gene=genetics_joo_mdd_cog_v1",
            ["is planned and cannot run yet", "status: ready"],
        ),
        ("experiment.outcome=mdd", ["no column mdd, did you mean 'mdd_diagnosis'?"]),
        ("experiment.folds.group=family", ["folds.group", "did you mean 'family_id'?"]),
    ],
)
def test_wrong_parameters_end_in_the_first_seconds(project, parameters, words):
    done = project.kedro("run", "--pipeline=integration", "--params", parameters)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for word in words:
        assert word in last
    assert "Completed" not in done.stderr


def test_fewer_groups_than_folds(project):
    done = project.kedro("run", "--pipeline=integration", "--params", "experiment.folds.group=site")
    assert done.returncode == 1
    assert "'site' has only 4 groups" in done.stderr
    assert "Use at most 4 folds" in done.stderr
