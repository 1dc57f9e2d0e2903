from __future__ import annotations

import os
import shutil
import time

import numpy as np
import pytest

from neurogenomics_kb.foundation import item_cache
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.item_cache import (
    Entry,
    ItemCache,
    keep_everything,
    recall,
    sweep,
)

VALUES = np.array([0.1, np.nan, -0.0, 1e-300, np.pi])
ENTRY = Entry({"reason": "größer", "fd": 0.1 + 0.2}, {"values": VALUES, "n": np.arange(3)})


@pytest.fixture
def cache(tmp_path):
    return ItemCache(tmp_path, "things", "0123456789abcdef0123")


def test_what_is_kept_comes_back_to_the_last_bit(cache):
    assert cache.get("aa11") is None
    cache.put("aa11", ENTRY)
    found = cache.get("aa11")
    assert found.note == ENTRY.note
    assert found.arrays["values"].tobytes() == VALUES.tobytes()
    assert found.arrays["n"].dtype == ENTRY.arrays["n"].dtype


def test_a_cut_file_is_noticed_wherever_it_is_cut(cache, caplog):
    cache.put("aa11", ENTRY)
    file = cache.file_of("aa11")
    whole = file.read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        file.write_bytes(whole[:length])
        assert cache.get("aa11") is None, length
        assert not file.exists()
    assert f"{file} is damaged" in caplog.text


def test_a_changed_byte_never_gives_another_value(cache):
    cache.put("aa11", ENTRY)
    file = cache.file_of("aa11")
    whole = file.read_bytes()
    noticed = 0
    for place in range(0, len(whole), 11):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        file.write_bytes(changed)
        found = cache.get("aa11")
        if found is None:
            noticed += 1
        else:  # a byte that nothing is read from, such as a time of change
            assert found.note == ENTRY.note
            assert found.arrays["values"].tobytes() == VALUES.tobytes()
    assert noticed > len(whole) / 11 / 2


def test_a_file_of_another_item_is_not_taken(cache):
    cache.put("aa11", ENTRY)
    cache.file_of("aa12").parent.mkdir(exist_ok=True)
    shutil.copy(cache.file_of("aa11"), cache.file_of("aa12"))
    assert cache.get("aa12") is None
    assert cache.get("aa11") is not None


def test_a_file_that_may_not_be_read_is_no_damage(cache):
    cache.file_of("aa11").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read"):
        cache.get("aa11")


def test_a_killed_writer_leaves_nothing_that_counts(cache, monkeypatch, tmp_path):
    def dies(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", dies)
    with pytest.raises(KeyboardInterrupt):
        cache.put("aa11", ENTRY)
    assert cache.get("aa11") is None
    old, new = tmp_path / "a.part", tmp_path / "b.part"
    for file, age in ((old, 2 * 24 * 3600), (new, 60)):
        file.write_text("")
        os.utime(file, (time.time() - age,) * 2)
    assert sweep(tmp_path) == 1
    assert new.exists()
    assert not old.exists()


class Number:
    """Something to compute, with the hash of what it is computed from."""

    def __init__(self, key="aa11"):
        self.key, self.asked = key, 0

    def compute(self):
        self.asked += 1
        return 7

    def recall(self, cache, **how):
        return recall(
            cache, lambda: self.key, self.compute, lambda n: Entry({"n": n}), lambda e: e.note["n"],
            **how,
        )  # fmt: skip


@pytest.mark.parametrize("in_memory", [True, False])
def test_recall_computes_once(cache, in_memory):
    number = Number()
    with keep_everything():
        found = [number.recall(where, in_memory=in_memory) for where in (cache, cache, None)]
    assert found == [7, 7, 7]
    assert number.asked == 2
    assert number.recall(cache, in_memory=in_memory) == 7
    assert number.asked == 2
    other = ItemCache(cache.folder.parent, "things", "another version 12345")
    assert number.recall(other) == 7
    assert number.asked == 3


def test_only_what_takes_its_time_is_kept_by_a_run(cache, monkeypatch):
    number = Number()
    number.recall(cache, in_memory=True)
    assert not cache.folder.exists()
    monkeypatch.setattr(item_cache, "WORTH_KEEPING", 0.0)
    number.recall(cache, in_memory=True)
    assert cache.get("aa11").note == {"n": 7}


def test_what_changed_while_it_was_computed_is_not_kept(cache):
    number = Number()
    whole = number.compute

    def changes():
        number.key = "bb22"
        return whole()

    number.compute = changes
    with keep_everything():
        assert number.recall(cache) == 7
    assert cache.get("aa11") is None
    assert cache.get("bb22") is None


def test_what_is_not_to_be_kept_is_not(cache):
    with keep_everything():
        assert recall(cache, lambda: "aa11", lambda: None, lambda n: None, lambda e: 1) is None
    assert cache.get("aa11") is None
