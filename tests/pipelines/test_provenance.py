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


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A package in a checkout, and a way to give git orders there."""

    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    module = tmp_path / "src/package/__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    (tmp_path / "card.yaml").write_text("")
    git("init")
    monkeypatch.setattr(provenance.neurogenomics_kb, "__file__", str(module))
    monkeypatch.setattr(provenance, "code_digest", lambda: "0123456789abcdef")
    return module, git


def test_only_changed_code_is_dirty(checkout):
    module, git = checkout
    git("add", ".")
    git("commit", "-m", "first")
    clean = provenance.code_version()
    assert "code." not in clean
    (module.parents[2] / "card.yaml").write_text("changed")
    (module.parents[2] / "new.yaml").write_text("")
    assert provenance.code_version() == clean
    module.with_name("new.py").write_text("")
    assert provenance.code_version() == f"{clean}-dirty"


def test_a_package_inside_another_checkout_has_not_its_commit(checkout, caplog):
    _, git = checkout
    git("add", "card.yaml")
    git("commit", "-m", "of somebody else")
    assert provenance.code_version() == f"{__version__}+code.0123456789"
    assert not caplog.text


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
