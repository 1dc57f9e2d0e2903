"""Whatever is given to --config, the answer is a run or one line."""

from __future__ import annotations

import random

import pytest
from click.testing import CliRunner

from neurogenomics_kb.cli import cli
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.run_file import require_run_file
from tests.conftest import ROOT

EXPERIMENT = ROOT / "conf/experiments/01_cca_gene_smri.yml"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- a\n- b\n", "it is a list without `run`"),
        (b"", "it is empty without `run`"),
        (b"a: 1\n", "it is a mapping without `run`"),
        (b"hello", "it is a word without `run`"),
        (b"run: hello\n", "`run` is a word"),
        (b"run:\n", "`run` is empty"),
        (b"run: {params: [1]}\n", "`params` is a list"),
        (b"run:\n\tparams: 1\n", "c.yml:2: not valid YAML"),
        (b"\x00\x01\x02", "not valid YAML"),
        ("run: {a: 'ö'}".encode("latin-1"), "byte 11 is not UTF-8"),
        (b"run: !!python/object:os.system {}\n", "not valid YAML"),
    ],
)
def test_a_file_without_options_is_one_line(tmp_path, content, words):
    file = tmp_path / "c.yml"
    file.write_bytes(content)
    done = CliRunner().invoke(cli, ["run", "--config", str(file)])
    assert done.exit_code == 1
    assert words in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert "Traceback" not in done.output


def test_a_folder_is_one_line(tmp_path):
    with pytest.raises(InputError, match="it is not a file"):
        require_run_file(tmp_path)


def test_every_experiment_passes():
    for file in sorted((ROOT / "conf/experiments").glob("*.yml")):
        require_run_file(file)


def test_spoilt_files_pass_or_are_refused_in_words(tmp_path):
    draw, text = random.Random(0), bytearray(EXPERIMENT.read_bytes())
    file, refused = tmp_path / "c.yml", []
    for _ in range(300):
        spoilt = bytearray(text)
        for _ in range(draw.randint(1, 6)):
            at = draw.randrange(len(spoilt))
            spoilt[at : at + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
        file.write_bytes(spoilt)
        try:
            require_run_file(file)
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert not [words for words in refused if "\n" in words]
