"""Weights of tabular models come from a file that is here; tables too large are read in parts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.tabular import tabicl, tabpfn, weights
from neurogenomics_kb.stats.prediction.tabular.members import Limits, plan_members


@pytest.fixture
def installed(monkeypatch):
    """As if both packages were there, and no file were named."""
    monkeypatch.setattr(weights, "find_spec", lambda package: object())
    monkeypatch.delenv("NGKB_TABICL", raising=False)
    monkeypatch.delenv("NGKB_TABPFN", raising=False)


def one_line(model, path=None, *, continuous=False) -> str:
    with pytest.raises(InputError) as refused:
        model.weights(path, continuous=continuous)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_what_is_lacking_is_named_with_extra_place_and_licence(installed, monkeypatch, tmp_path):
    for model, variable, licence in (
        (tabicl, "NGKB_TABICL", "BSD 3-Clause"),
        (tabpfn, "NGKB_TABPFN", "non-commercial"),
    ):
        said = one_line(model)
        assert "none are ever downloaded" in said
        assert variable in said
        assert licence in said
        said = one_line(model, str(tmp_path / "private" / "gone.ckpt"))
        assert said.startswith("gone.ckpt: ")
        assert str(tmp_path) not in said
        monkeypatch.setenv(variable, str(tmp_path))
        assert "is no file of weights" in one_line(model)
    monkeypatch.setattr(weights, "find_spec", lambda package: None)
    said = one_line(tabicl)
    assert "the package of tabicl is not installed" in said
    assert "neurogenomics-kb[tabicl]" in said
    assert "NGKB_TABICL" in said


class Bomb:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.mark.parametrize("model", [tabicl, tabpfn])
def test_nothing_in_a_file_is_executed(installed, model, tmp_path, monkeypatch):
    file, bomb = tmp_path / "model.ckpt", Bomb(tmp_path / "executed")
    torch.save({"config": {}, "state_dict": {}, "extra": bomb}, file)
    # The package would then unpickle: the file is refused before it is asked.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    assert "hold more than tensors" in one_line(model, str(file))
    file.write_bytes(pickle.dumps(bomb))
    assert "hold more than tensors" in one_line(model, str(file))
    assert not bomb.file.exists()
    torch.save({"weights": {}}, file)
    assert "has ['weights']" in one_line(model, str(file))


def test_weights_of_the_other_kind_of_outcome(installed, tmp_path):
    for classes, continuous, words in ((0, False, "is classes"), (3, True, "is a score")):
        file = tmp_path / f"{classes}.ckpt"
        torch.save({"config": {"max_classes": classes}, "state_dict": {}}, file)
        assert words in one_line(tabicl, str(file), continuous=continuous)
        assert tabicl.weights(str(file), continuous=not continuous) == file


def test_one_member_where_everything_fits():
    (member,) = plan_members(np.arange(50) % 2, 7, Limits(50, 7), fewest=4, seed=0)
    assert list(member.rows) == list(range(50))
    assert list(member.columns) == list(range(7))


@pytest.mark.parametrize(("samples", "features"), [(40, 100), (1000, 6), (40, 6), (9, 3)])
def test_members_cover_rows_and_columns_within_the_limits(samples, features):
    y = np.repeat([0, 1, 2], [60, 30, 10])
    members = plan_members(y, 20, Limits(samples, features), fewest=4, seed=0)
    assert len(members) >= 4
    assert {i for m in members for i in m.rows} == set(range(100))
    assert {j for m in members for j in m.columns} == set(range(20))
    for rows, columns in members:
        assert len(rows) <= samples
        assert len(columns) <= features
        assert len(set(rows)) == len(rows)
        assert len(set(columns)) == len(columns)
        shares = np.bincount(y[rows], minlength=3)
        assert abs(shares - len(rows) * np.array([0.6, 0.3, 0.1])).max() <= 1
    again = plan_members(y, 20, Limits(samples, features), fewest=4, seed=0)
    other = plan_members(y, 20, Limits(samples, features), fewest=4, seed=1)
    flat = [[x for m in plan for part in m for x in part] for plan in (members, again, other)]
    assert flat[0] == flat[1] != flat[2]


def test_a_device_that_is_not_here():
    weights.refuse_device("cpu")
    for device in ("cuda:77", "abacus"):
        with pytest.raises(InputError, match=f"cannot compute on '{device}'"):
            weights.refuse_device(device)
