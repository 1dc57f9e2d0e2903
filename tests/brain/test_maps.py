from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.atlas import read_atlas
from neurogenomics_kb.brain.maps import (
    RegionPlaces,
    draw_values,
    load_places,
    place_values,
    region_key,
    value_image,
)
from neurogenomics_kb.foundation.errors import InputError
from tests.brain.conftest import label_image

VALUES = pd.Series({"a": 0.5, "B": -0.2, "d": 0.1, "elsewhere": 9.0})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lh_bankssts", "ctx-lh-bankssts"),
        ("rh_superiorfrontal", "R Superiorfrontal"),
        ("Left-Hippocampus", "left hippocampus"),
        ("HIP-rh", "rh-HIP"),
        ("rostral_acc", "Rostral ACC"),
    ],
)
def test_names_of_programs_are_one_region(one, other):
    assert region_key(one) == region_key(other)


def test_sides_and_words_stay_apart():
    assert region_key("lh_cuneus") != region_key("rh_cuneus")
    assert region_key("lingual") == "lingual"
    assert region_key("lh_lingual") == "lh lingual"


def test_voxels_have_the_value_of_their_region(atlas_files):
    places = RegionPlaces("four", atlas=read_atlas(*atlas_files))
    placed = place_values(VALUES, places)
    assert placed.to_dict() == {"A": 0.5, "B": -0.2, "D": 0.1}
    image = np.asanyarray(value_image(placed, places.atlas).dataobj)
    for label, value in ((1, 0.5), (2, -0.2), (3, 0.0), (4, 0.1)):
        np.testing.assert_allclose(image[label_image() == label], value)
    assert (image[label_image() == 0] == 0).all()


def test_two_values_of_one_region_are_refused(atlas_files):
    places = RegionPlaces("four", atlas=read_atlas(*atlas_files))
    with pytest.raises(InputError, match="region A has several values"):
        place_values(pd.Series({"a": 1.0, "A": 2.0}), places)


def settings(tmp_path, text):
    (tmp_path / "places.tsv").write_text(text)
    return {"name": "points", "images": [], "labels": [], "space": "", "fetch": None,
            "coordinates": tmp_path / "places.tsv"}  # fmt: skip


def drawn(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def test_volumes_and_markers_are_drawn(atlas_files, tmp_path):
    volume = RegionPlaces("four", atlas=read_atlas(*atlas_files))
    points = load_places(
        settings(tmp_path, "name\tx\ty\tz\nA\t-40\t0\t0\nB\t40\t0\t0\nD\t0\t20\t40\n")
    )
    for places in (volume, points):
        placed = place_values(VALUES, places)
        pictures = []
        for values in (placed, -placed):
            figure, axes = plt.subplots(figsize=(5, 2))
            draw_values(values, places, axes)
            pictures.append(drawn(figure))
            plt.close(figure)
        # Opposite values have other colours.
        red = [(p[..., 0] - p[..., 2] > 60).sum() for p in pictures]
        blue = [(p[..., 2] - p[..., 0] > 60).sum() for p in pictures]
        assert red[0] > 20
        assert blue[1] > 20
        assert (pictures[0] != pictures[1]).any()


def test_places_that_cannot_be_drawn_are_refused(atlas_files, tmp_path):
    with pytest.raises(InputError, match=r"places.tsv, column 'z': the column is missing"):
        load_places(settings(tmp_path, "name\tx\ty\nA\t1\t2\n"))
    with pytest.raises(InputError, match=r"column 'x': expected numbers, found 'left'"):
        load_places(settings(tmp_path, "name\tx\ty\tz\nA\tleft\t2\t3\n"))
    maps = np.stack([label_image(), label_image()], axis=3)
    nib.save(nib.Nifti1Image(maps, np.eye(4)), tmp_path / "maps.nii.gz")
    with pytest.raises(InputError, match="cannot be coloured by region"):
        load_places({"name": "m", "images": [tmp_path / "maps.nii.gz"], "labels": [], "space": "",
                     "fetch": None, "coordinates": None})  # fmt: skip
