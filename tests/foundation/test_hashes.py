from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading

import numpy as np
import pytest

from neurogenomics_kb.foundation import hashes
from neurogenomics_kb.foundation.checkpoints import fingerprint
from neurogenomics_kb.foundation.hashes import hash_files


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    """Small files are remembered, at once, in a folder of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "LARGE", 1000)
    monkeypatch.setattr(hashes, "SETTLED", -1.0)
    return tmp_path / "cache/neurogenomics_kb/hashes"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, size in (("a.safetensors", 50_000), ("b.safetensors", 3_000), ("config.json", 80)):
        (folder / name).write_bytes(rng.bytes(size))
    return folder


def true_hashes(folder):
    return {f: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


@pytest.fixture
def read(monkeypatch):
    """Names of the files that were read."""
    names = []
    digest = hashlib.file_digest

    def watched(stream, kind):
        names.append(os.path.basename(stream.name))
        return digest(stream, kind)

    monkeypatch.setattr(hashlib, "file_digest", watched)
    return names


def test_large_files_are_read_once(folder, read, memory):
    files = sorted(folder.iterdir())
    assert hash_files(files) == true_hashes(folder)
    assert read == ["a.safetensors", "b.safetensors", "config.json"]
    assert hash_files(files) == true_hashes(folder)
    assert read[3:] == ["config.json"]
    assert len(list(memory.iterdir())) == 1
    assert sorted(p.name for p in folder.iterdir()) == [f.name for f in files]  # nothing of ours


@pytest.mark.parametrize("seed", range(10))
def test_any_change_of_a_byte_is_seen(folder, seed):
    """Also where size and time of the content are set back, as copying programs do."""
    rng = np.random.default_rng(seed)
    before = fingerprint(folder)
    file = folder / str(rng.choice(["a.safetensors", "b.safetensors", "config.json"]))
    stat, data = file.stat(), bytearray(file.read_bytes())
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    if seed % 2:
        file.unlink()
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert fingerprint(folder) != before
    assert hash_files(sorted(folder.iterdir())) == true_hashes(folder)


def test_names_and_files_elsewhere_count(folder, tmp_path):
    table = tmp_path / "gradients.csv"
    table.write_text("1,2\n")
    first, plain = fingerprint(folder, table), fingerprint(folder)
    assert first != plain
    table.write_text("1,3\n")
    assert fingerprint(folder, table) != first
    inside = folder / "config.json"
    assert fingerprint(folder, inside) == plain  # counted once
    inside.rename(folder / "other.json")
    assert fingerprint(folder) != plain


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_memory_is_made_again(folder, memory, read, seed):
    rng = np.random.default_rng(seed)
    files = sorted(folder.iterdir())
    hash_files(files)
    stored = next(memory.iterdir())
    data = bytearray(stored.read_bytes())
    kind = seed % 4
    if kind == 0:
        data = data[: rng.integers(len(data))]
    elif kind == 1:
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        content = json.loads(data)
        content["files"]["a.safetensors"]["sha256"] = "0" * 64
        data = json.dumps(content).encode()
    else:
        data = rng.choice([b"[]", b"null", b"{}", b'{"format": 1}', b"\xff\x00"])
    stored.write_bytes(bytes(data))
    read.clear()
    assert hash_files(files) == true_hashes(folder)
    assert "a.safetensors" in read or kind == 1  # a flipped blank or key order may say the same
    read.clear()
    assert hash_files(files) == true_hashes(folder)
    assert read == ["config.json"]


def test_where_nothing_can_be_written_nothing_is_remembered(folder, tmp_path, monkeypatch, read):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    files = sorted(folder.iterdir())
    for _ in range(2):
        assert hash_files(files) == true_hashes(folder)
    assert len(read) == 6


def test_what_changed_a_moment_ago_is_not_remembered(folder, monkeypatch, read):
    monkeypatch.setattr(hashes, "SETTLED", 60.0)
    for _ in range(2):
        hash_files([folder / "a.safetensors"])
    assert read == ["a.safetensors"] * 2


def test_runs_at_once_do_not_disturb_each_other(folder, memory):
    files, expected, wrong = sorted(folder.iterdir()), true_hashes(folder), []

    def run():
        for _ in range(20):
            if hash_files(files) != expected:
                wrong.append(1)
            for stored in memory.glob("*.json"):
                with contextlib.suppress(FileNotFoundError):
                    json.loads(stored.read_text())
            for stored in memory.glob("*.json"):
                stored.unlink(missing_ok=True)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert not list(memory.glob("*.part"))
