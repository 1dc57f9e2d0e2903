"""Files are there whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import threading

import pytest

from neurogenomics_kb.foundation.whole_files import (
    whole_file,
    write_json_whole,
    write_text_whole,
)


def test_json_and_text_arrive_and_nothing_else_stays(tmp_path):
    write_json_whole(tmp_path / "new/file.json", {"a": 1})
    write_text_whole(tmp_path / "new/text.md", "µm\n")
    assert json.loads((tmp_path / "new/file.json").read_text()) == {"a": 1}
    assert (tmp_path / "new/text.md").read_bytes() == "µm\n".encode()
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["file.json", "text.md"]


def interrupted(path):
    with whole_file(path) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "card.yaml"
    write_text_whole(path, "old")
    with pytest.raises(TypeError):
        write_text_whole(path, 3)
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_rights_are_those_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_text_whole(tmp_path / "ours", "x")
        (tmp_path / "any").write_text("x")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("ours", "any")}
    assert modes == {0o666 & ~mask}


def test_readers_beside_writers_never_see_half(tmp_path):
    file = tmp_path / "state.json"
    write_json_whole(file, ["0"] * 20_000)
    seen = []

    def write(word):
        for _ in range(20):
            write_json_whole(file, [word] * 20_000)

    writers = [threading.Thread(target=write, args=(w,)) for w in "12"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen.append(set(json.loads(file.read_text())))
    assert all(len(words) == 1 for words in seen)
    assert len(list(tmp_path.iterdir())) == 1


def test_long_names_are_no_trouble(tmp_path):
    write_text_whole(tmp_path / ("n" * 250), "x")
    assert [len(p.name) for p in tmp_path.iterdir()] == [250]
