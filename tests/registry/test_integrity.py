"""Each kind of damage is done to a small project and must be found with file, line and field."""

from __future__ import annotations

import pytest

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.lock import write_lock

FILES = {
    "kb/datasets/people.yaml": (
        "id: people\ncohort: c\ntables:\n  t:\n    file: t.tsv\n    columns:\n"
        "      a: {name: age}\n      y: {name: ill, type: binary}\n"
    ),
    "kb/datasets/more.yaml": (
        "id: more\nkind: part\ncohort: c\npart_of: people\ntables:\n  u:\n    file: u.tsv\n"
        "    columns:\n      s: {name: sex, type: category}\n"
    ),
    "kb/model_cards/net.yaml": (
        "id: net\nmodality: smri\npaper: paper_1\n"
        "pretraining_cohorts: {cohorts: [], reason: none, source: src/x.py}\n"
    ),
    "kb/paper_cards/paper_1.yaml": (
        "id: paper_1\ntitle: A title\nauthors: [A B]\nyear: 2020\nkind: method\n"
        "bibliography: {source: 'doi:10.1/x'}\nsummary: s\ncode: [src/x.py]\n"
    ),
    "kb/integration_cards/embedding_strategies.yaml": (
        "one_v1:\n  modality: smri\n  dataset: people\n  features: [thickness]\n"
        "  preprocessing:\n    - step: residualize\n      confounds:\n"
        "        - age\n        - sex\n"
        "  projector: {type: pca, dim: 8}\n"
    ),
    "kb/integration_cards/harmonization_methods.yaml": "none_baseline: {method: none}\n",
    "conf/experiments/first.yml": (
        "run:\n  pipeline: integration\n  params:\n    experiment:\n      id: first\n"
        "      dataset: people\n      blocks:\n        brain: one_v1\n      outcome: ill\n"
        "      analyses: [prediction]\n"
    ),
    "docs/page.md": "Up to `one_v1.projector.dim` parts, {{ kb:one_v1.projector.dim }}.\n",
    "src/x.py": "",
}
STRATEGIES = "kb/integration_cards/embedding_strategies.yaml"


@pytest.fixture
def project(tmp_path):
    def make(**changes):
        for name, text in FILES.items():
            for old, new in changes.get(name.replace("/", "__").replace(".", "_"), ()):
                assert old in text, old
                text = text.replace(old, new)
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return make


def problems(folder):
    return [str(p).removeprefix(f"{folder}/") for p in Registry(folder / "kb").validate()]


def test_the_project_is_sound(project):
    folder = project()
    write_lock(Registry(folder / "kb"))
    assert problems(folder) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("kb/model_cards/net.yaml", "paper_1", "paper_2",
         "kb/model_cards/net.yaml:3: paper: there is no paper 'paper_2', did you mean 'paper_1'?"),
        (STRATEGIES, "dataset: people", "dataset: peple",
         f"{STRATEGIES}:3: one_v1.dataset: there is no dataset 'peple', did you mean 'people'?"),
        (STRATEGIES, "- sex", "- sx",
         f"{STRATEGIES}:9: one_v1.preprocessing.0.confounds.1: dataset 'people' has no column "
         "'sx'"),
        ("conf/experiments/first.yml", "brain: one_v1", "brain: one_v2",
         "conf/experiments/first.yml:8: blocks.brain: there is no embedding strategy 'one_v2', "
         "did you mean 'one_v1'?"),
        ("conf/experiments/first.yml", "outcome: ill", "outcome: il",
         "conf/experiments/first.yml:9: outcome: dataset 'people' has no column 'il', "
         "did you mean 'ill'?"),
        ("conf/experiments/first.yml", "outcome:", "outcom:",
         "conf/experiments/first.yml:9: outcom: unknown field, did you mean 'outcome'?"),
        ("kb/model_cards/net.yaml", "smri", "smr",
         "kb/model_cards/net.yaml:2: modality: Input should be 'genomics', 'smri'"),
        ("kb/model_cards/net.yaml", "smri", "smr", "did you mean 'smri'?"),
        ("kb/model_cards/net.yaml", "id: net", "id: nett",
         "kb/model_cards/net.yaml:1: id: 'nett' differs from the file name 'net'"),
        ("kb/datasets/people.yaml", "file: t.tsv", "fil: t.tsv",
         "kb/datasets/people.yaml:5: tables.t.fil: unknown field, did you mean 'file'?"),
        (STRATEGIES, "dim: 8", "dims: 8", "unknown field, did you mean 'dim'?"),
        ("kb/model_cards/net.yaml", "source: src/x.py",
         "source: 'https://github.com/o/n/blob/main/a/b.py'",
         "kb/model_cards/net.yaml:4: pretraining_cohorts.source: Value error, names 'a/b.py' at "
         "'main', which moves"),
        ("kb/model_cards/net.yaml", "source: src/x.py", "source: src/z.py",
         "kb/model_cards/net.yaml:4: pretraining_cohorts.source: there is no file 'src/z.py'"),
        ("kb/model_cards/net.yaml", "cohorts: [], reason: none, ", "",
         "pretraining_cohorts.cohorts: Field required"),
        ("kb/paper_cards/paper_1.yaml", "doi:10.1/x", "https://github.com/o/n",
         "bibliography.source: Value error, names a repository and no file of it"),
        ("kb/paper_cards/paper_1.yaml", "src/x.py", "src/y.py",
         "kb/paper_cards/paper_1.yaml:8: code.0: there is no file 'src/y.py'"),
        ("docs/page.md", "`one_v1.projector.dim`", "`one_v1.projector.size`",
         "docs/page.md:1: one_v1.projector.size: card 'one_v1' has no field 'projector.size'"),
        ("docs/page.md", "{{ kb:one_v1.projector.dim }}", "{{ kb:two.dim }}",
         "docs/page.md:1: two.dim: there is no card 'two'"),
        ("docs/page.md", "Up to", "Up to `one_v2`,",
         "docs/page.md:1: one_v2: there is no card 'one_v2', did you mean 'one_v1'?"),
        ("kb/model_cards/net.yaml", "modality: smri", "schema_version: 99\nmodality: smri",
         "net.yaml:2: schema_version: Value error, the card is written for version 99"),
        ("kb/datasets/more.yaml", "part_of: people", "part_of: peopl",
         "kb/datasets/more.yaml:4: part_of: there is no dataset 'peopl', did you mean 'people'?"),
        ("kb/datasets/more.yaml", "kind: part\n", "", "kind 'part' and `part_of` belong together"),
        ("kb/model_cards/net.yaml", "modality: smri", "status: planned\nmodality: smri",
         "a planned card needs a `reason`"),
    ],
)  # fmt: skip
def test_damage_is_found_where_it_is(project, file, old, new, expected):
    folder = project(**{file.replace("/", "__").replace(".", "_"): [(old, new)]})
    found = problems(folder)
    assert any(expected in p for p in found), found


def test_a_published_version_may_not_change(project):
    folder = project()
    assert write_lock(Registry(folder / "kb")) == ["one_v1"]
    file = folder / STRATEGIES
    file.write_text(file.read_text().replace("dim: 8", "dim: 9"))
    found = problems(folder)
    assert len(found) == 1
    assert f"{STRATEGIES}:1: one_v1: 'one_v1' is published with hash" in found[0]
    assert "write the change as a new version" in found[0]


def test_prose_and_status_of_a_published_version_may_change(project):
    folder = project()
    write_lock(Registry(folder / "kb"))
    file = folder / STRATEGIES
    file.write_text(file.read_text() + "  title: A better title\n  notes: A note\n")
    assert problems(folder) == []


def test_a_published_card_may_not_vanish_and_a_new_one_must_be_published(project):
    folder = project()
    write_lock(Registry(folder / "kb"))
    file = folder / STRATEGIES
    file.write_text(file.read_text().replace("one_v1", "one_v2"))
    found = "\n".join(problems(folder))
    assert "one_v1: the published card is gone, did you mean 'one_v2'?" in found
    assert "one_v2: is not published yet; `kedro kb lock` does it" in found


def test_damaged_lock_is_a_problem_and_not_a_crash(project):
    folder = project()
    (folder / "kb/registry.lock").write_text("one_v1 abc\none_v1 abc\n")
    assert any("registry.lock:2" in p for p in problems(folder))


def test_duplicates_over_files_and_types(project):
    folder = project()
    (folder / "kb/model_cards/people.yaml").write_text("modality: smri\nkind: hub\n")
    (folder / "conf/experiments/net.yml").write_text("run: {}\n")
    found = "\n".join(problems(folder))
    assert "model_cards/people.yaml:1: people: id 'people' is already used in" in found
    assert "conf/experiments/net.yml:1: net: id 'net' is already used in" in found


def test_tables_of_parts_belong_to_the_cohort(project):
    from neurogenomics_kb.registry.cohorts import find_dataset

    dataset = find_dataset(Registry(project() / "kb"), "c")
    assert dataset.id == "people"
    assert set(dataset.tables) == {"t", "u"}
