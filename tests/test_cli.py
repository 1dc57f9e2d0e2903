from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kedro.io import DatasetError as KedroDatasetError

from neurogenomics_kb.cli import OneLineErrors, explain, explain_parameters
from neurogenomics_kb.foundation.errors import Defect, InputError
from neurogenomics_kb.project.commands import kb

ROOT = Path(__file__).parents[1]
STRATEGY = "smri_free_surfer_pca512_v1"


@pytest.fixture
def ask(monkeypatch):
    monkeypatch.chdir(ROOT)
    return lambda *arguments: CliRunner().invoke(kb, list(arguments))


def test_validate_accepts_the_shipped_cards(ask):
    done = ask("validate")
    assert done.exit_code == 0
    assert "cards are valid" in done.output


def test_validate_names_file_line_field_and_nearest(ask, tmp_path):
    folder = tmp_path / "integration_cards"
    folder.mkdir()
    (folder / "embedding_strategies.yaml").write_text(
        "good_v1:\n  modality: smri\n  features: [thickness]\n"
        "bad_v1:\n  modality: smri\n  features: [thickness]\n  projektor: {type: none}\n"
    )
    done = ask("validate", "--kb", str(tmp_path))
    assert done.exit_code == 1
    assert "embedding_strategies.yaml:7: bad_v1.projektor: unknown field" in done.output
    assert "did you mean 'projector'" in done.output
    problems = json.loads(ask("validate", "--kb", str(tmp_path), "--json").output)
    assert [p["line"] for p in problems] == [7]


def test_show_strategy_and_list(ask):
    assert "dim: 512" in ask("strategy", STRATEGY).output
    assert json.loads(ask("show", STRATEGY, "--json").output)["modality"] == "smri"
    assert STRATEGY in ask("list", "embedding_strategy").output
    assert "none_baseline" not in ask("list", "embedding_strategy").output
    ids = [c["id"] for c in json.loads(ask("list", "--json").output)]
    assert {"demo", "aomic", "none_baseline", STRATEGY} <= set(ids)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("strategy", "smri_freesurfer_pca512_v1"), f"did you mean '{STRATEGY}'?"),
        (("strategy", "none_baseline"), "no embedding strategy 'none_baseline'"),
        (("harmonization", "none_basline"), "did you mean 'none_baseline'?"),
        (("list", "datasets"), "did you mean 'dataset'?"),
        (("show", "x", "--kb", "nowhere"), "does not exist"),
    ],
)
def test_unknown_things_name_the_nearest(ask, arguments, words):
    done = ask(*arguments)
    assert done.exit_code in (1, 2)
    assert words in done.output


def test_search(ask):
    assert "kmer_spectrum_k4" in ask("search", "canonical 4-mers").output
    assert ask("search", "no such words anywhere").exit_code == 1


def test_script_is_another_spelling():
    done = subprocess.run(
        [sys.executable, "scripts/manage_kb.py", "ops", "strategy", STRATEGY],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"id: {STRATEGY}" in done.stdout


def test_user_errors_are_one_line_and_defects_keep_their_traceback():
    def fail_user():
        try:
            raise InputError("it is wrong", file="a.tsv", subjects=3, remedy="Mend it.")
        except InputError as error:
            raise RuntimeError("wrapped") from error

    def fail_program():
        raise ZeroDivisionError

    done = CliRunner().invoke(OneLineErrors("run", callback=fail_user))
    assert done.exit_code == 1
    assert done.output == "Error: a.tsv: it is wrong (3 subjects). Mend it.\n"
    done = CliRunner().invoke(OneLineErrors("run", callback=fail_program))
    assert isinstance(done.exception, ZeroDivisionError)
    assert explain(ZeroDivisionError()) is None
    with pytest.raises(click.UsageError):
        OneLineErrors("run", callback=lambda: (_ for _ in ()).throw(click.UsageError("x"))).main(
            [], standalone_mode=False
        )


def test_a_defect_is_never_explained_away():
    def fail():
        try:
            raise InputError("the file is odd", remedy="Look.")
        except InputError:
            raise Defect("what was written is not what is there") from None

    with pytest.raises(Defect, match="please report it"):
        fail()
    done = CliRunner().invoke(OneLineErrors("run", callback=fail))
    assert isinstance(done.exception, Defect)
    assert not isinstance(Defect("x"), ValueError)  # `except InputError` does not catch it


def test_errors_are_told_apart_by_type_and_not_by_name():
    class DatasetError(Exception):  # somebody else's class of the same name
        pass

    class Narrower(KedroDatasetError):
        pass

    assert explain(DatasetError("x")) is None
    assert explain(Narrower("the file\n is broken")) == "the file is broken"


def test_wrong_parameters_lose_the_library_talk():
    message = (
        "Parameter validation failed:\n- Parameter 'experiment': Failed to instantiate Experiment "
        "for parameter 'experiment': 1 validation error for Experiment\nn_permutation\n"
        "  Extra inputs are not permitted [type=extra_forbidden, input_value=10, input_type=int]\n"
        "    For further information visit https://example.org"
    )
    assert explain_parameters(message) == (
        "experiment.n_permutation: there is no such parameter (got 10)"
    )
