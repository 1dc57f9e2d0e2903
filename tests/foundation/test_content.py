from __future__ import annotations

import ast
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from neurogenomics_kb.foundation import content
from neurogenomics_kb.foundation.content import (
    code_version,
    encoder_version,
    fingerprint,
    fingerprint_files,
)
from neurogenomics_kb.foundation.errors import Defect


@dataclass
class Rules:
    limit: float


class Options(BaseModel):
    limit: float


TABLE = pd.DataFrame({"a": [1.0, np.nan], "b": [0.5, 2.0]})
MIXED = pd.DataFrame({"a": [1.0, 2.0], "name": ["x", None]})


def otherwise(table, **attrs):
    other = table.copy()
    other.attrs.update(attrs)
    return other


DIFFERENT = [
    None, True, 1, 1.0, "1", b"1", [1], [[1]], ["1"], {"a": 1}, {"a": 2}, {1: "a"}, [], "", [1, 2],
    ["ab", "c"], ["a", "bc"], np.array([1]), np.array([1.0]), np.array([[1.0]]),
    np.array([1.0], np.float32), np.array([-0.0]), np.array([0.0]), np.array(["a", "b"]),
    TABLE, TABLE[["b", "a"]], TABLE.rename(columns={"a": "c"}), TABLE.astype(np.float32),
    TABLE.iloc[::-1], TABLE.fillna(0.0), otherwise(TABLE, metadata={"CompCor": 1}), MIXED,
    MIXED.assign(name=["x", "y"]), Rules(1.0), Rules(2.0), Options(limit=1.0), Options(limit=2.0),
]  # fmt: skip


def test_what_differs_has_another_fingerprint():
    found = [fingerprint(value) for value in DIFFERENT]
    assert len(set(found)) == len(DIFFERENT)
    assert fingerprint("a", "b") != fingerprint("ab")


def test_what_is_the_same_has_the_same():
    assert fingerprint({"a": 1, "b": (2, 3)}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint(TABLE) == fingerprint(TABLE.copy())
    assert fingerprint(np.float64(0.1)) == fingerprint(0.1)
    values = np.arange(6.0).reshape(2, 3)
    assert fingerprint(values.T.copy()) == fingerprint(values.T)


def test_what_cannot_be_told_apart_is_refused():
    with pytest.raises(Defect, match="fingerprint"):
        fingerprint([object()])


def test_files_count_by_name_and_content(tmp_path):
    def write(folder, name, text):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
        return tmp_path / folder / name

    one, moved = write("a", "x.edf", "data"), write("b", "x.edf", "data")
    assert fingerprint_files([one]) == fingerprint_files([moved])
    assert fingerprint_files([one]) != fingerprint_files([write("a", "y.edf", "data")])
    before = fingerprint_files([one])
    write("a", "x.edf", "datA")
    assert fingerprint_files([one]) != before


def test_code_counts_with_all_that_it_imports(monkeypatch):
    name = "neurogenomics_kb.brain.connectivity"
    sources = content._sources([name])
    assert {name, "neurogenomics_kb.brain.denoising", "neurogenomics_kb.foundation.errors"} <= set(
        sources
    )
    assert "neurogenomics_kb.genome.cache" not in sources
    before = code_version(name)
    whole = content._sources

    def changed(modules):
        return {
            each: text + "# another" if each.endswith("denoising") else text
            for each, text in whole(modules).items()
        }

    code_version.cache_clear()
    monkeypatch.setattr(content, "_sources", changed)
    assert code_version(name) != before
    monkeypatch.undo()
    code_version.cache_clear()
    assert code_version(name) == before
    assert ast.parse(sources[name])


class Lab:
    """An encoder of a laboratory's own."""

    def __init__(self):
        self.framing = {"window": 2}


def test_an_encoder_that_does_not_tell_its_weights_is_not_kept():
    import torch

    assert encoder_version({"type": "lab"}, Lab()) == ""
    stated = Lab()
    stated.weights_fingerprint = "abc"
    assert encoder_version({"type": "lab"}, stated)
    found = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        with_network = Lab()
        with_network.network = torch.nn.Linear(3, 2)
        found.add(encoder_version({"type": "lab"}, with_network))
    assert len(found) == 2
    assert "" not in found
