from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from neurogenomics_kb.brain.atlas import combine_atlases, fetch_atlas, load_atlas, read_atlas
from neurogenomics_kb.brain.parcellation import check_upstream, extract_parcels
from neurogenomics_kb.foundation.errors import InputError
from tests.brain.conftest import AFFINE, FRAMES, SHAPE, TR, bold_array, label_image, save_bold


def test_series_are_means_of_parcels(bold, atlas_files):
    path, series = bold
    extracted = extract_parcels(path, read_atlas(*atlas_files), tr=TR)
    assert extracted.columns.tolist() == ["A", "B", "C", "D"]
    np.testing.assert_allclose(extracted, series, rtol=1e-4)
    opened = extract_parcels(nib.load(path), read_atlas(*atlas_files), tr=TR)
    np.testing.assert_array_equal(opened, extracted)


def test_atlas_on_a_finer_grid_is_brought_to_the_image(bold, atlas_files, tmp_path):
    path, series = bold
    fine = np.kron(label_image(), np.ones((2, 2, 2), np.int16))
    affine = AFFINE.copy()
    affine[:3, :3] /= 2
    affine[:3, 3] -= 1
    nib.save(nib.Nifti1Image(fine, affine), tmp_path / "fine.nii.gz")
    extracted = extract_parcels(path, read_atlas(tmp_path / "fine.nii.gz", atlas_files[1]))
    np.testing.assert_allclose(extracted, series, rtol=1e-4)


def test_maps_give_their_series(bold, tmp_path):
    path, series = bold
    maps = np.stack([(label_image() == v).astype(np.float32) for v in range(1, 5)], axis=3)
    nib.save(nib.Nifti1Image(maps, AFFINE), tmp_path / "maps.nii.gz")
    atlas = read_atlas(tmp_path / "maps.nii.gz")
    assert atlas.is_maps
    extracted = extract_parcels(path, atlas)
    np.testing.assert_allclose(extracted, series, rtol=1e-3)


def test_smoothing_mixes_parcels_with_their_surroundings(bold, atlas_files):
    path, _ = bold
    plain = extract_parcels(path, read_atlas(*atlas_files))
    smooth = extract_parcels(path, read_atlas(*atlas_files), fwhm=8)
    assert (smooth.mean() < plain.mean() - 20).all()


@pytest.mark.parametrize(
    ("text", "names", "networks"),
    [
        ("index\tname\tnetwork\n1\tA\tVis\n2\tB\tVis\n3\tC\tDef\n4\tD\t\n", "ABCD",
         {"A": "Vis", "B": "Vis", "C": "Def"}),
        ("1\tA\t120\t18\t131\t0\n2\tB\t1\t2\t3\t0\n3\tC\t1\t2\t3\t0\n4\tD\t1\t2\t3\t0\n",
         "ABCD", {}),
        ("A\nB\nC\nD\n", "ABCD", {}),
        ("#No. Label Name: R G B A\n0 Unknown 0 0 0 0\n1 A 1 1 1 0\n2 B 1 1 1 0\n3 C 1 1 1 0\n"
         "4 D 1 1 1 0\n77 E 1 1 1 0\n", "ABCD", {}),
        ("1\t7Networks_LH_Vis_1\n2\t7Networks_LH_Vis_2\n3\tC\n4\tD\n",
         ["7Networks_LH_Vis_1", "7Networks_LH_Vis_2", "C", "D"],
         {"7Networks_LH_Vis_1": "Vis", "7Networks_LH_Vis_2": "Vis"}),
    ],
)  # fmt: skip
def test_tables_of_labels(atlas_files, text, names, networks):
    atlas_files[1].write_text(text)
    atlas = read_atlas(*atlas_files)
    assert atlas.parcels == list(names)
    assert atlas.networks == networks


def test_without_a_table_parcels_have_their_label(atlas_files):
    assert read_atlas(atlas_files[0]).parcels == ["label1", "label2", "label3", "label4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tA\n2\tB\n3\tC\n", "1 labels of atlas.nii.gz have no name, first 4"),
        ("1\tA\n2\tB\n3\tC\n4\tD\n5\tE\n", "parcel E has no voxel in atlas.nii.gz"),
        ("1\tA\n2\tA\n3\tC\n4\tD\n", "name A occurs more than once"),
        ("1\tA\n1\tB\n3\tC\n4\tD\n", "label 1 occurs more than once"),
        ("one\tA\n", "cannot be read"),
    ],
)
def test_table_and_image_must_agree(atlas_files, text, message):
    atlas_files[1].write_text(text)
    with pytest.raises(InputError, match=message):
        read_atlas(*atlas_files)


def test_interpolated_labels_are_refused(atlas_files):
    nib.save(nib.Nifti1Image(label_image() * 0.5, AFFINE), atlas_files[0])
    with pytest.raises(InputError, match=r"0.5.* are no labels"):
        read_atlas(*atlas_files)


def test_two_atlases_become_one(atlas_files, tmp_path):
    other = np.zeros(SHAPE, np.int16)
    other[4, 4, 4], other[1, 1, 3] = 1, 1  # one voxel inside parcel A stays with A
    nib.save(nib.Nifti1Image(other, AFFINE), tmp_path / "other.nii.gz")
    (tmp_path / "other.txt").write_text("HIP-rh\n")
    both = load_atlas(
        {"name": "both", "images": [atlas_files[0], tmp_path / "other.nii.gz"], "space": "",
         "labels": [atlas_files[1], tmp_path / "other.txt"], "fetch": None}
    )  # fmt: skip
    assert both.parcels == ["A", "B", "C", "D", "HIP-rh"]
    values = np.asanyarray(both.image.dataobj)
    assert values[4, 4, 4] == 5
    assert values[1, 1, 3] == 1
    with pytest.raises(InputError, match=r"4 parcels lie wholly inside"):
        combine_atlases([read_atlas(*atlas_files)] * 2)


def test_fetchers_say_what_they_lack(tmp_path):
    with pytest.raises(InputError, match=r"no fetcher for 'gordon'.*by path"):
        fetch_atlas("Gordon-333", family="gordon")
    with pytest.raises(InputError, match=r"nilearn could not fetch it .*by path"):
        fetch_atlas("Schaefer-400", family="schaefer", n_rois=5, data_dir=str(tmp_path))


def shifted(by):
    affine = AFFINE.copy()
    affine[:3, 3] += by
    return affine


def spoiled(tmp_path, change=lambda data: data, **options):
    return save_bold(tmp_path / "spoiled.nii.gz", change(bold_array()[0]), **options)


def put(value, where):
    def change(data):
        data = data.copy()
        data[where] = value
        return data

    return change


A = label_image() == 1


@pytest.mark.parametrize(
    ("change", "affine", "message"),
    [
        (lambda d: d, shifted(60), r"only 0 % of atlas atlas lies inside"),
        (lambda d: d[:5], AFFINE, r"only 50 % of atlas atlas lies inside the image"),
        (lambda d: d[..., 0], AFFINE, "is no time series"),
        (lambda d: d * (label_image() == 1)[..., None], AFFINE, r"only 25 % of the voxels"),
        (put(np.nan, (A,)), AFFINE, r"parcel A has no finite voxel"),
        (
            put(np.nan, (2, 2, 4, slice(7, 9))),
            AFFINE,
            "2 of 40 frames .* finite value, first frame 8",
        ),
    ],
)
def test_unusable_images_are_refused(tmp_path, atlas_files, change, affine, message):
    path = tmp_path / "spoiled.nii.gz"
    nib.save(nib.Nifti1Image(change(bold_array()[0]), affine), path)
    with pytest.raises(InputError, match=message):
        extract_parcels(path, read_atlas(*atlas_files))


def test_voxels_outside_the_brain_may_be_nan(tmp_path, atlas_files):
    path = spoiled(tmp_path, put(np.nan, (1, 1, 3)))
    extracted = extract_parcels(path, read_atlas(*atlas_files))
    assert np.isfinite(extracted).all(axis=None)


def test_parcel_between_voxels_is_named(bold, atlas_files, tmp_path):
    fine = np.kron(label_image(), np.ones((3, 3, 3), np.int16))
    fine[0, 0, 0] = 5  # off the centre of the image's voxel
    affine = AFFINE.copy()
    affine[:3, :3] /= 3
    affine[:3, 3] -= 4 / 3
    nib.save(nib.Nifti1Image(fine, affine), tmp_path / "fine.nii.gz")
    atlas_files[1].write_text("A\nB\nC\nD\nE\n")
    with pytest.raises(InputError, match=r"parcel E has no voxel in the image's grid"):
        extract_parcels(bold[0], read_atlas(tmp_path / "fine.nii.gz", atlas_files[1]))


def test_truncated_image_is_said(bold, atlas_files, tmp_path):
    whole = bold[0].read_bytes()
    for name, content in (("cut.nii.gz", whole[: len(whole) // 2]), ("text.nii.gz", b"no image")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: the .*(truncated|damaged)"):
            extract_parcels(tmp_path / name, read_atlas(*atlas_files))


def test_repetition_times_that_disagree_are_refused(tmp_path, atlas_files):
    path = spoiled(tmp_path, tr=2.5)
    with pytest.raises(InputError, match=r"the header says 2.5 s and the sidecar 2 s"):
        extract_parcels(path, read_atlas(*atlas_files), tr=2.0)
    image = nib.load(path)
    image.header.set_xyzt_units("mm", "msec")
    image.header.set_zooms((4, 4, 4, 2000))
    extract_parcels(image, read_atlas(*atlas_files), tr=2.0)


def test_stated_spaces_must_be_of_one_family(bold, atlas_files, caplog):
    atlas = read_atlas(*atlas_files, space="MNI152NLin6Asym")
    with pytest.raises(InputError, match="image is in space T1w, atlas atlas in MNI152NLin6Asym"):
        extract_parcels(bold[0], atlas, space="T1w")
    extract_parcels(bold[0], atlas, space="MNI152NLin2009cAsym")
    assert "differ by some millimetres" in caplog.text


def test_upstream_steps_are_compared_with_the_derivative():
    statements = [
        {"what": "registration", "space": "MNI152"},
        {"what": "ICA-AROMA", "desc": "smoothAROMAnonaggr", "generated_by": ["fMRIPrep"]},
        {"what": "motion correction"},
    ]
    entities = {"space": "MNI152NLin6Asym", "desc": "smoothAROMAnonaggr"}
    made = {"GeneratedBy": [{"Name": "fMRIPrep", "Version": "21.0.1"}]}
    assert check_upstream(statements, entities, made, "x") == ["motion correction"]
    with pytest.raises(InputError, match=r"x: registration: the card expects space-MNI152.*T1w"):
        check_upstream(statements, entities | {"space": "T1w"}, made, "x")
    with pytest.raises(InputError, match="expects desc-smoothAROMAnonaggr, the file name says not"):
        check_upstream(statements, {"space": "MNI152"}, made, "x")
    other = {"GeneratedBy": [{"Name": "C-PAC"}]}
    with pytest.raises(InputError, match=r"'GeneratedBy': ICA-AROMA: .* made by C-PAC"):
        check_upstream(statements, entities, other, "x")


def test_frames_stay_in_order(bold, atlas_files):
    assert len(extract_parcels(bold[0], read_atlas(*atlas_files))) == FRAMES
