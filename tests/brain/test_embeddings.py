from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from neurogenomics_kb.brain.embeddings import read_embeddings
from neurogenomics_kb.brain.encoding import pool_imported
from neurogenomics_kb.brain.windows import Rules
from neurogenomics_kb.foundation.errors import InputError

DIM = 12


def content(subjects=("sub-1", "sub-2"), runs=("1", "2"), segments=3, seed=0, **extra):
    rows = [(s, r, str(i)) for s in subjects for r in runs for i in range(segments)]
    subject, run, segment = (list(c) for c in zip(*rows, strict=True))
    vectors = np.random.default_rng(seed).normal(size=(len(rows), DIM)).astype(np.float32)
    keys = {"subject": subject, "run": run, "segment": segment}
    return {**keys, **{k: [v] * len(rows) for k, v in extra.items()}, "embeddings": vectors}


def write(path, data):
    keys = {k: v for k, v in data.items() if k != "embeddings"}
    if path.suffix == ".parquet":
        columns = {f"d{i}": data["embeddings"][:, i] for i in reversed(range(DIM))}
        pd.DataFrame({**keys, **columns}).to_parquet(path)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, values in data.items():
                file[name] = values
    else:
        torch.save({**keys, "embeddings": torch.from_numpy(data["embeddings"])}, path)
    return path


@pytest.mark.parametrize("kind", [".parquet", ".h5", ".pt"])
def test_every_format_gives_the_same(tmp_path, kind):
    data = content(fd=0.1)
    read = read_embeddings(write(tmp_path / f"brainmt{kind}", data))
    np.testing.assert_array_equal(read.vectors, data["embeddings"])
    assert read.keys["subject"].tolist() == data["subject"]
    assert read.keys["run"].tolist() == data["run"]
    assert read.keys["fd"].tolist() == [0.1] * 12
    assert read.names == [f"d{i}" for i in range(DIM)]


@pytest.mark.parametrize("kind", [".parquet", ".h5", ".pt"])
def test_shards_make_one_whole(tmp_path, kind):
    one, two = content(["a"], seed=1), content(["b"], seed=2)
    write(tmp_path / f"part-1{kind}", one)
    write(tmp_path / f"part-2{kind}", two)
    read = read_embeddings(tmp_path)
    np.testing.assert_array_equal(read.vectors, np.vstack([one["embeddings"], two["embeddings"]]))
    assert read.keys["subject"].unique().tolist() == ["a", "b"]
    write(tmp_path / f"part-3{kind}", one)
    with pytest.raises(InputError, match=r"6 segments come twice.*\(1 of 2 subjects\)"):
        read_embeddings(tmp_path)


@pytest.mark.parametrize("kind", [".parquet", ".h5", ".pt"])
def test_missing_keys_are_named(tmp_path, kind):
    data = content()
    del data["run"]
    with pytest.raises(InputError, match=r"column 'run': there is no run. Each vector needs"):
        read_embeddings(write(tmp_path / f"x{kind}", data))


@pytest.mark.parametrize("kind", [".parquet", ".h5", ".pt"])
def test_vectors_without_numbers(tmp_path, kind):
    data = content()
    data["embeddings"][2, 3] = np.nan
    with pytest.raises(InputError, match=r"1 vectors hold a value .*\(1 of 2 subjects\)"):
        read_embeddings(write(tmp_path / f"x{kind}", data))


def test_objects_are_not_unpickled(tmp_path):
    from fractions import Fraction

    torch.save({**content(), "note": Fraction(1, 3)}, tmp_path / "x.pt")
    with pytest.raises(InputError, match="pickled objects are not accepted"):
        read_embeddings(tmp_path / "x.pt")
    torch.save([1, 2], tmp_path / "x.pt")
    with pytest.raises(InputError, match="holds a list without keys"):
        read_embeddings(tmp_path / "x.pt")


def test_folders_and_formats_that_do_not_fit(tmp_path):
    with pytest.raises(InputError, match="0 files of 0 kinds"):
        read_embeddings(tmp_path)
    write(tmp_path / "a.pt", content(["a"]))
    write(tmp_path / "b.h5", content(["b"]))
    with pytest.raises(InputError, match="2 files of 2 kinds"):
        read_embeddings(tmp_path)
    with pytest.raises(InputError, match="an unknown format"):
        read_embeddings(tmp_path / "a.npy")
    (tmp_path / "c.parquet").write_text("not a table")
    with pytest.raises(InputError, match="cannot be read"):
        read_embeddings(tmp_path / "c.parquet")
    data = content()
    data["embeddings"] = data["embeddings"][:-1]
    with pytest.raises(InputError, match=r"vectors of shape \(11, 12\) for 12 keys"):
        read_embeddings(write(tmp_path / "d.h5", data))
    table = pd.DataFrame({**{k: ["1"] for k in ("subject", "run", "segment")}, "site": ["x"]})
    table.to_parquet(tmp_path / "e.parquet")
    with pytest.raises(InputError, match="column 'site': neither a key nor a number"):
        read_embeddings(tmp_path / "e.parquet")


def test_imports_are_pooled_by_the_same_rules(tmp_path):
    data = content(["a", "b", "c"], runs=["1", "2"], segments=2)
    fd = np.tile([0.1, 0.2, 0.1, 0.4], 3)
    fd[-2:] = 0.9  # the last run of c moves throughout
    fd[:4] = [0.9, 0.9, 0.9, 0.9]
    imported = read_embeddings(write(tmp_path / "x.parquet", {**data, "fd": fd}))
    rules = Rules(max_fd=0.3, low_motion_fd=0.3, min_low_motion=0.5, run="inverse_fd")
    pooled = pool_imported(imported, rules, subjects=["a", "b", "c", "d"])
    assert pooled["a"].reason == "fewer than 50% of segments with low motion"
    assert pooled["d"].reason == "no imported embedding"
    v = data["embeddings"].astype(float)
    first = (2 * v[4] + v[5]) / 3
    np.testing.assert_allclose(pooled["b"].vector, (first + v[6]) / 2)
    np.testing.assert_allclose(pooled["c"].vector, (2 * v[8] + v[9]) / 3)


def test_displacement_comes_from_confounds_where_the_import_has_frames(tmp_path):
    data = content(["sub-1"], runs=["run-1"], segments=2)
    frames = {"start": [0, 4], "stop": [4, 8]}
    imported = read_embeddings(write(tmp_path / "x.parquet", {**data, **frames}))
    table = pd.DataFrame({"framewise_displacement": [np.nan, *[0.1] * 3, *[0.3] * 4]})
    rules = Rules(run="inverse_fd")
    pooled = pool_imported(imported, rules, {"sub-1_run-1": lambda: table})
    v = data["embeddings"].astype(float)
    np.testing.assert_allclose(pooled["sub-1"].vector, (3 * v[0] + v[1]) / 4)
    without = pool_imported(imported, rules)
    assert without["sub-1"].reason == "no segment left"
    assert pool_imported(imported, Rules())["sub-1"].reason == ""
    with pytest.raises(InputError, match=r"2 segments are not 32 frames long, .* but 4"):
        pool_imported(imported, Rules(frames=32))
