"""Files that would hang, fill memory or reach elsewhere are refused before anything is unpacked."""

from __future__ import annotations

import gzip
import os
import struct
import time
from types import SimpleNamespace

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from neurogenomics_kb.brain.atlas import load_image
from neurogenomics_kb.brain.embeddings import VECTORS, _hdf5, read_embeddings
from neurogenomics_kb.brain.t1.volumes import open_image
from neurogenomics_kb.datasets import NiftiDataset
from neurogenomics_kb.datasets.vectors import read_vectors
from neurogenomics_kb.foundation.delimited import read_content
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import read_json, refuse_large, refuse_swelling
from neurogenomics_kb.foundation.tensors import refuse_gaps
from neurogenomics_kb.foundation.wide import read_outside
from neurogenomics_kb.project.run_file import MOST_VALUES, size_written_out
from neurogenomics_kb.registry.table_draft import read_table as draft_table

READERS = {
    "dataset": lambda path: (
        NiftiDataset(filepath=str(path))._load()
        if hasattr(NiftiDataset, "_load")
        else NiftiDataset(filepath=str(path)).load()
    ),
    "atlas": load_image,
    "volume": open_image,
}


def nifti(path, shape, packed=True):
    """A header that announces `shape`, with a few voxels behind it."""
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((2, 2, 2))
    raw = bytearray(header.binaryblock)
    raw[40 : 40 + 2 * (1 + len(shape))] = struct.pack(f"<{1 + len(shape)}h", len(shape), *shape)
    raw[108:112] = struct.pack("<f", 352)
    content = bytes(raw) + b"\0" * 4 + b"\0" * 16
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["image.nii.gz", "image.nii"])
def test_a_header_that_announces_the_impossible_is_one_line(tmp_path, reader, name):
    file = nifti(tmp_path / name, (30_000, 30_000, 30_000), packed=name.endswith("gz"))
    start = time.monotonic()
    with pytest.raises(Exception, match=r"announces 54,000,000 MB in a file of 0\.0 MB"):
        READERS[reader](file)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("reader", READERS)
def test_an_image_of_its_size_opens(tmp_path, reader):
    file = tmp_path / "image.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((64, 64, 64), np.int16), np.eye(4)), file)
    assert READERS[reader](file).shape == (64, 64, 64)


@pytest.mark.parametrize("reader", ["atlas", "volume"])
def test_a_pipe_keeps_nobody_waiting(tmp_path, reader):
    os.mkfifo(tmp_path / "image.nii")
    with pytest.raises(InputError, match="not a file"):
        READERS[reader](tmp_path / "image.nii")


def test_what_swells_beyond_any_image_is_refused_and_masks_are_not(tmp_path):
    file = tmp_path / "x.nii.gz"
    file.write_bytes(b"0" * 1_000_000)
    refuse_swelling(file, 300_000_000, packed=True)  # a mask
    refuse_swelling(file, 99_000_000, packed=True)
    with pytest.raises(InputError, match="1,041 MB"):
        refuse_swelling(file, 1_041_000_000, packed=True)
    file.write_bytes(b"0" * 5_000_000)
    with pytest.raises(InputError, match="2,000 MB"):
        refuse_swelling(file, 2_000_000_000, packed=True)


def test_large_files_of_a_small_kind_are_refused(tmp_path):
    file = tmp_path / "tokenizer.json"
    with file.open("wb") as stream:
        stream.truncate(2_000_000)
    with pytest.raises(InputError, match=r"2 MB are too many for a tokenizer \(limit 1 MB\)"):
        refuse_large(file, 1_000_000, "a tokenizer")
    refuse_large(file, 3_000_000, "a tokenizer")
    refuse_large(tmp_path / "none", 1, "a tokenizer")


def external_link(file, elsewhere):
    file[VECTORS] = h5py.ExternalLink(str(elsewhere), "vectors")


def external_storage(file, elsewhere):
    file.create_dataset(VECTORS, (4,), "f8", external=[(str(elsewhere), 0, 32)])


def virtual(file, elsewhere):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(elsewhere), "vectors", (4,))
    file.create_virtual_dataset(VECTORS, layout)


def swelling(file, elsewhere):
    file.create_dataset(VECTORS, (40_000, 10_000), "f8", chunks=(1000, 100), compression="gzip")


def group(file, elsewhere):
    file.create_group(VECTORS)


@pytest.mark.parametrize("make", [external_link, external_storage, virtual, swelling, group])
def test_hdf5_that_reaches_elsewhere_or_swells_is_refused(tmp_path, make):
    elsewhere = tmp_path / "secret.h5"
    with h5py.File(elsewhere, "w") as other:
        other["vectors"] = np.ones(4)
    with h5py.File(tmp_path / "e.h5", "w") as file:
        make(file, elsewhere)
    with pytest.raises(InputError, match=r"another file|announces 3,200 MB"):
        _hdf5(tmp_path / "e.h5")


def test_hdf5_that_is_whole_is_read(tmp_path):
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file.create_dataset(VECTORS, data=np.ones((4, 3)), compression="gzip")
        file["subject"] = np.array([b"a", b"b", b"c", b"d"])
    assert _hdf5(tmp_path / "e.h5")[VECTORS].shape == (4, 3)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    good = {"a": torch.ones(3), "mask": torch.tensor([float("-inf")]), "n": torch.tensor([1])}
    refuse_gaps(good, tmp_path)
    with pytest.raises(InputError, match="1 weights of 1 tensors are NaN, first in 'b'"):
        refuse_gaps({**good, "b": torch.tensor([1.0, float("nan")])}, tmp_path)


def test_a_table_that_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    file = tmp_path / "t.parquet"
    pd.DataFrame(np.zeros((1000, 10))).add_prefix("c").to_parquet(file)
    assert read_outside(file).shape == (1000, 10)
    free = SimpleNamespace(available=79_999)
    monkeypatch.setattr("neurogenomics_kb.foundation.wide.psutil.virtual_memory", lambda: free)
    with pytest.raises(InputError, match="1,000 rows of 10 columns take 0 MB"):
        read_outside(file)


def test_text_is_read_whole_whatever_it_is_packed_in(tmp_path):
    text = "a\tb\n" + "1\t2\n" * 5_000_000  # larger than what is read at once
    (tmp_path / "t.tsv").write_text(text)
    packed = gzip.compress(text[:3].encode()) + gzip.compress(text[3:].encode())
    (tmp_path / "t.tsv.gz").write_bytes(packed)
    assert read_content(tmp_path / "t.tsv") == text == read_content(tmp_path / "t.tsv.gz")


def test_aliases_are_counted_as_what_they_stand_for():
    inner = [1] * 10
    assert size_written_out({"a": inner, "b": [inner, inner]}) == 1 + 11 + 1 + 22
    inner.append(inner)
    assert size_written_out(inner) > MOST_VALUES


def test_deep_json_is_an_error_of_its_text(tmp_path):
    (tmp_path / "x.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "x.json", "a sidecar")


@pytest.mark.parametrize("read", [read_vectors, draft_table, read_embeddings])
def test_what_is_wrong_with_an_outside_table_is_said_whoever_reads_it(tmp_path, read):
    os.mkfifo(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"it is not a file|the table is missing"):
        read(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").unlink()
    pd.DataFrame(np.zeros((3, 2))).add_prefix("c").to_parquet(tmp_path / "t.parquet")
    with pytest.MonkeyPatch.context() as patch:
        full = SimpleNamespace(available=1)
        patch.setattr("neurogenomics_kb.foundation.wide.psutil.virtual_memory", lambda: full)
        with pytest.raises(InputError, match="3 rows of 2 columns") as found:
            read(tmp_path / "t.parquet")
    assert str(found.value).count("t.parquet") == 1
