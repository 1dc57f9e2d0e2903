"""The version of the code is never lost without a word."""

from __future__ import annotations

import subprocess

import pytest

from neurogenomics_kb import __version__
from neurogenomics_kb.pipelines.reporting import provenance


def fails(error):
    def run(*arguments, **options):
        raise error

    return run


@pytest.mark.parametrize(
    "error",
    [
        subprocess.CalledProcessError(128, "git", stderr="fatal: detected dubious ownership\nmore"),
        subprocess.TimeoutExpired("git", 10),
        FileNotFoundError("git"),
    ],
)
def test_without_git_a_hash_of_the_code_stands_for_the_commit(monkeypatch, caplog, error):
    monkeypatch.setattr(provenance.subprocess, "run", fails(error))
    version = provenance.code_version()
    assert version == f"{__version__}+code.{provenance.code_digest()[:10]}"
    assert "git does not tell" in caplog.text


def test_the_hash_is_of_every_module(tmp_path, monkeypatch):
    for name in ("a.py", "b/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(provenance.neurogenomics_kb, "__file__", str(tmp_path / "__init__.py"))
    seen = set()
    for change in ("x = 1\n", "x = 2\n"):
        (tmp_path / "b/c.py").write_text(change)
        provenance.code_digest.cache_clear()
        seen.add(provenance.code_digest())
    (tmp_path / "b/c.py").rename(tmp_path / "b/d.py")
    provenance.code_digest.cache_clear()
    assert len({*seen, provenance.code_digest()}) == 3
    provenance.code_digest.cache_clear()
