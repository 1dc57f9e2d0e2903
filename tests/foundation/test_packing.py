from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.packing import pack, pack_to, unpack, unpack_file

X = np.random.default_rng(0).normal(size=(6, 8))


@pytest.mark.parametrize(
    "array",
    [
        X,
        X.T,
        X[:, ::2],
        X[::-1, 1:5],
        X[1:4, 2:5],
        X[:, :0],
        np.broadcast_to(X[0], (5, 8)),
        X[2].reshape(2, 4).T[::-1],
        np.float64(3) * np.ones(()),
        np.array(["a", None], dtype=object)[::-1],
    ],
)
def test_values_and_layout_stay(array):
    found = unpack(pack(array))
    assert found.dtype == array.dtype
    assert (found == array).all()
    if array.size and not array.dtype.hasobject:
        assert found.strides == array.strides


def test_a_column_of_a_wide_table_does_not_take_the_table_along():
    wide = np.zeros((100, 1000))
    assert len(pack(wide[:, 3])) < 10_000


def test_what_lies_in_a_file_is_mapped_and_read_only(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    pack_to({"X": X, "frame": frame, "add": lambda a: a + 1}, tmp_path / "packed")
    found = unpack_file(tmp_path / "packed")
    assert not found["X"].flags.writeable
    assert found["X"].ctypes.data % 64 == 0
    pd.testing.assert_frame_equal(found["frame"], frame)
    assert found["add"](1) == 2


def test_what_came_in_a_bytearray_may_be_changed():
    found = unpack(bytearray(pack([X])))
    found[0][:] = 0
    assert X.any()
