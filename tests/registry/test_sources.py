"""Sources carry commits, and what they name is looked for in clones."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.commands import kb as command
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Fact, ModelCard
from neurogenomics_kb.registry.cards.sources import (
    RepositoryFile,
    parse_source,
    require_pinned,
)
from neurogenomics_kb.registry.clones import CitedFile, check_files, cited_files, read_list
from tests.conftest import ROOT

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PINNED = [
    ("https://github.com/o/n/blob/{}/a/b.py", ("github.com", "o/n", "a/b.py")),
    ("https://github.com/o/n/blob/{}/a/b.py#L3-L9", ("github.com", "o/n", "a/b.py")),
    ("https://github.com/o/n/tree/{}/a", ("github.com", "o/n", "a")),
    ("https://github.com/o/n/tree/{}", ("github.com", "o/n", "")),
    ("https://www.github.com/o/n/raw/{}/a%20b.csv", ("github.com", "o/n", "a b.csv")),
    ("https://raw.githubusercontent.com/o/n/{}/a.md", ("github.com", "o/n", "a.md")),
    ("https://gitlab.com/o/n/-/blob/{}/a.md", ("gitlab.com", "o/n", "a.md")),
    ("https://bitbucket.org/o/n/src/{}/a.md", ("bitbucket.org", "o/n", "a.md")),
    ("https://huggingface.co/o/n/resolve/{}/a.md?download=true", ("huggingface.co", "o/n", "a.md")),
    (
        "https://huggingface.co/datasets/o/n/blob/{}/a.md",
        ("huggingface.co", "datasets/o/n", "a.md"),
    ),
]


@pytest.mark.parametrize(("address", "parts"), PINNED)
def test_files_are_recognised_and_need_a_commit(address, parts):
    pinned = address.format(COMMIT)
    host, repository, path = parts
    assert parse_source(pinned) == RepositoryFile(host, repository, COMMIT, path)
    assert require_pinned(pinned) == pinned
    rng = np.random.default_rng(len(address))
    for _ in range(30):
        length = int(rng.integers(1, 40))
        short = "".join(rng.choice(list("0123456789abcdef"), length))
        for moving in ("main", "master", "HEAD", "v1.2.0", short, COMMIT.upper(), COMMIT + "0"):
            with pytest.raises(ValueError, match="which moves: write the commit"):
                require_pinned(address.format(moving))


@pytest.mark.parametrize(
    "source",
    [
        "doi:10.1038/s41586-021-04103-z", "arXiv:2307.05916", "docs/data/hbn.md",
        "OpenNeuro ds002790", "https://huggingface.co/vandijklab/brainlm", "https://example.org/a",
        "https://github.com/o/n/issues/57", "https://github.com/o/n/pull/3",
        f"https://github.com/o/n/commit/{COMMIT}", "https://github.com/o",
        "https://github.com/o/n/releases/tag/v1",
    ],
)  # fmt: skip
def test_what_does_not_move_is_left_alone(source):
    assert parse_source(source) is None
    assert require_pinned(source) == source


@pytest.mark.parametrize(
    "source",
    ["https://github.com/o/n", "https://github.com/o/n/", "https://github.com/o/n/wiki",
     "https://gitlab.com/o/n", "https://github.com/o/n?tab=readme"],
)  # fmt: skip
def test_a_repository_without_a_file_is_no_source(source):
    with pytest.raises(ValidationError, match="no file of it"):
        Fact(value=1, source=source)


def model(**changes):
    body = {
        "id": "net", "modality": "fmri", "repository": "https://github.com/o/n",
        "pretraining_cohorts": {"cohorts": ["ukb"], "source": "doi:10.1/x"},
    }  # fmt: skip
    return ModelCard.model_validate({**body, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pretraining_cohorts": None}, "needs `pretraining_cohorts`"),
        ({"spec": {"type": "x", "weights": "w"}}, "`weights_license` must say"),
        ({"walkthrough": [{"step": "s", "file": "a.py"}]}, "`commit` must say"),
        ({"commit": "0b07cb1"}, "should match pattern"),
        ({"pretraining_cohorts": {"cohorts": [], "source": "doi:10.1/x"}}, "needs a `reason`"),
        ({"pretraining_cohorts": {"cohorts": "unknown", "source": "doi:10.1/x"}}, "`reason`"),
        ({"pretraining_cohorts": {"cohorts": ["UK Biobank"], "source": "doi:10.1/x"}}, "pattern"),
        ({"pretraining_cohorts": {"cohorts": ["ukb", "ukb"], "source": "doi:10.1/x"}}, "twice"),
        ({"pretraining_cohorts": {"cohorts": ["ukb"]}}, "source"),
    ],
)
def test_what_a_model_card_must_say(changes, words):
    assert model().pretraining_cohorts.known
    assert model(kind="hub", pretraining_cohorts=None).pretraining_cohorts is None
    with pytest.raises(ValidationError, match=words):
        model(**changes)


def test_every_shipped_encoder_says_whose_data_it_has_seen():
    registry = Registry(ROOT / "kb")
    known = {
        card.id: card.pretraining_cohorts.cohorts
        for card in registry.cards("model")
        if card.kind == "encoder"
    }
    assert set(known["swift"]) == {"hcp", "abcd", "ukb"}
    assert set(known["brain_harmony"]) == set(known["brain_harmony_fusion"]) == {"ukb", "abcd"}
    assert set(known["brainlm"]) == {"ukb", "hcp"}
    assert known["brain_jepa"] == ["ukb"]
    assert known["kmer_spectrum_k4"] == known["caduceus_ps_131k"] == []


# --- clones -----------------------------------------------------------------------------------


def git(folder, *arguments):
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", "1700000000 +0000"))
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | identity, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.strip()


def make_clone(folder, files, remote=None):
    """A repository with a commit of `files`, and a second commit that removes the first of them."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    first = git(folder, "rev-parse", "HEAD")
    git(folder, "rm", "-q", files[0])
    git(folder, "commit", "-q", "-m", "two")
    if remote:
        git(folder, "remote", "add", "origin", remote)
    return first, git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("place", "remote"),
    [
        ("net", None), ("owner/net", None), ("owner__net", None), ("owner+net/repo", None),
        ("x", "https://github.com/owner/net.git"), ("y/z", "git@github.com:Owner/Net.git"),
        ("x", "https://github.com/owner/net/"),
    ],
)  # fmt: skip
def test_files_are_looked_for_at_their_commit(tmp_path, place, remote):
    first, second = make_clone(tmp_path / place, ["a/gone.py", "a/b c.py", "ü.md"], remote)
    wanted = [
        ("owner/net", first, "a/gone.py", "found"),
        ("owner/net", second, "a/gone.py", "no such file"),
        ("owner/net", second, "a/b c.py", "found"),
        ("Owner/Net", second, "ü.md", "found"),
        ("owner/net", second, "a", "found"),
        ("owner/net", second, "", "found"),
        ("owner/net", COMMIT, "a/b c.py", "no such commit"),
        ("owner/other", second, "a/b c.py", "no clone"),
    ]
    checked = check_files([CitedFile(*row[:3]) for row in wanted], tmp_path)
    assert [c.state for c in checked] == [row[3] for row in wanted]


def test_two_repositories_of_one_name_are_told_apart_by_the_commit(tmp_path):
    one, _ = make_clone(tmp_path / "first/net", ["one.py", "b"])
    two, _ = make_clone(tmp_path / "second/net", ["two.py", "b"])
    files = [CitedFile("somebody/net", one, "one.py"), CitedFile("somebody/net", two, "two.py")]
    assert [c.state for c in check_files(files, tmp_path)] == ["found", "found"]
    assert check_files([CitedFile("a/net", one, "two.py")], tmp_path)[0].state == "no such file"


def test_a_bare_clone_and_a_clone_given_itself(tmp_path):
    first, _ = make_clone(tmp_path / "work/net", ["a.py", "b.py"])
    git(tmp_path, "clone", "-q", "--bare", "work/net", "bare/net.git")
    for folder in (tmp_path / "bare", tmp_path / "work/net"):
        assert check_files([CitedFile("o/net", first, "a.py")], folder)[0].state == "found"


def run(*arguments):
    return CliRunner().invoke(command, [*map(str, arguments), "--kb", str(ROOT / "kb")])


def test_the_command_lists_what_the_cards_cite_and_reads_its_own_list(tmp_path):
    listed = run("sources")
    assert listed.exit_code == 0
    (tmp_path / "list.tsv").write_text(listed.output)
    files = cited_files(Registry(ROOT / "kb"))
    assert len(files) > 40
    assert [f[:3] for f in read_list(tmp_path / "list.tsv")] == [f[:3] for f in files]
    swift = next(f for f in files if f.path.endswith("data_preprocess_and_load/datasets.py"))
    assert swift.repository == "Transconnectome/SwiFT"
    assert swift.places == ("swift.walkthrough.1.file",)


def test_the_command_says_what_exists(tmp_path):
    first, second = make_clone(tmp_path / "clones/net", ["a.py", "b.py"])
    table = tmp_path / "list.csv"
    table.write_text(f"repository,commit,path\no/net,{first},a.py\n")
    fine = run("sources", "--clones", tmp_path / "clones", "--list", table)
    assert (fine.exit_code, fine.output) == (0, "1 files: 1 found.\n")
    table.write_text(f"repository,commit,path\no/net,{second},a.py\no/other,{second},b.py\n")
    bad = run("sources", "--clones", tmp_path / "clones", "--list", table)
    assert bad.exit_code == 1
    assert f"no such file: o/net {second[:12]} a.py" in bad.output
    assert "2 files: 1 no such file, 1 no clone." in bad.output
    rows = json.loads(
        run("sources", "--clones", tmp_path / "clones", "--list", table, "--json").output
    )
    assert [r["state"] for r in rows] == ["no such file", "no clone"]


def test_nothing_seen_is_not_all_right(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    nowhere = run("sources", "--clones", empty)
    assert nowhere.exit_code == 1
    assert "found" not in nowhere.output.splitlines()[-1]
    with pytest.raises(InputError, match="does not exist"):
        check_files([], tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("repository,path\no/n,a\n", "no column 'commit'"),
        ("repository,commit,path\n", "no column 'repository', or no row"),
        ("repository,commit,path\no/n,main,a\n", "'main' is no commit"),
    ],
)
def test_lists_that_are_none(tmp_path, text, words):
    table = tmp_path / "list.csv"
    table.write_text(text)
    done = run("sources", "--clones", tmp_path, "--list", table)
    assert done.exit_code == 1
    assert words in done.output
    assert len(done.output.strip().splitlines()) == 1
