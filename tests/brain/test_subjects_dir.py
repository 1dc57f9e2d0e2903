from __future__ import annotations

import re
import shutil
import time

import numpy as np
import pytest

from neurogenomics_kb.brain.morphometry import euler_of_tables, morphometry_features
from neurogenomics_kb.brain.stats_files import read_stats
from neurogenomics_kb.brain.subjects_dir import Group, list_folders, read_subjects
from neurogenomics_kb.foundation.errors import InputError
from tests.brain.stats_writer import write_subject

GROUPS = {
    "thickness": Group("aparc", "ThickAvg"),
    "aseg_volume": Group("aseg", "Volume_mm3"),
}
ALL = {
    **GROUPS,
    "volume": Group("aparc", "GrayVol"),
    "area": Group("aparc", "SurfArea"),
    "meancurv": Group("aparc", "MeanCurv"),
    "dkt_thickness": Group("aparc.DKTatlas", "ThickAvg"),
    "destrieux_thickness": Group("aparc.a2009s", "ThickAvg"),
    "wm_volume": Group("wmparc", "Volume_mm3"),
    "brain_volume": Group("aseg", header=("BrainSegVol", "SupraTentorialVol")),
    "mean_thickness": Group("aparc", header=("MeanThickness",)),
}


@pytest.fixture
def cohort(tmp_path):
    for i in range(1, 5):
        write_subject(tmp_path, f"sub-{i:02d}", seed=i, holes=(i, 2 * i))
    write_subject(tmp_path, "fsaverage", seed=99)
    (tmp_path / "rh.EC_average").mkdir()
    return tmp_path


def test_every_measure_of_every_atlas(cohort):
    table = read_subjects(cohort, ALL)
    assert table.index.tolist() == ["sub-01", "sub-02", "sub-03", "sub-04"]
    groups = table.columns.str.split("__").str[0].value_counts()
    assert {name: int(groups[name]) for name in ALL} == {
        "thickness": 68, "volume": 68, "area": 68, "meancurv": 68, "dkt_thickness": 62,
        "destrieux_thickness": 148, "aseg_volume": 4, "wm_volume": 68, "brain_volume": 2,
        "mean_thickness": 2,
    }  # fmt: skip
    text = (cohort / "sub-02/stats/rh.aparc.stats").read_text()
    row = next(line.split() for line in text.splitlines() if line.startswith("cuneus"))
    found = table.loc["sub-02"]
    assert found["area__rh_cuneus"] == float(row[2])
    assert found["volume__rh_cuneus"] == float(row[3])
    assert found["thickness__rh_cuneus"] == float(row[4])
    assert found["meancurv__rh_cuneus"] == float(row[6])
    mean = re.search(r"Mean Thickness, (\S+), mm", text).group(1)
    assert found["mean_thickness__rh_MeanThickness"] == float(mean)
    aseg = read_stats(cohort / "sub-02/stats/aseg.stats")
    assert found["etiv"] == aseg.measures["eTIV"]
    assert found["brain_volume__BrainSegVol"] == aseg.measures["BrainSegVol"]
    assert table["freesurfer_version"].unique().tolist() == ["7.3.2"]


def test_holes_become_euler_numbers(cohort):
    table = read_subjects(cohort, GROUPS)
    assert table["euler_lh"].tolist() == [0, -2, -4, -6]
    assert table["euler_rh"].tolist() == [-2, -6, -10, -14]
    assert euler_of_tables(table).tolist() == [-1, -4, -7, -10]
    features = morphometry_features(table)
    assert features.shape == (4, 72)
    assert "smri__thickness__lh_insula" in features


def test_version_5_without_holes_has_no_euler_number(cohort):
    for i in range(1, 5):
        path = cohort / f"sub-{i:02d}/stats/aseg.stats"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "SurfaceHoles" not in line))
    table = read_subjects(cohort, GROUPS)
    assert "euler_lh" not in table
    assert euler_of_tables(table) is None


def test_sessions_streams_and_templates(tmp_path):
    for i, name in enumerate(
        ["sub-01_ses-1", "sub-01_ses-2", "sub-01", "sub-01_ses-1.long.sub-01",
         "sub-01_ses-2.long.sub-01", "sub-02_ses-1"]
    ):  # fmt: skip
        write_subject(tmp_path, name, seed=i)
    first = read_subjects(tmp_path, GROUPS, session="ses-1")
    assert first.index.tolist() == ["sub-01", "sub-02"]
    waves = read_subjects(tmp_path, GROUPS, session="all")
    assert waves.index.names == ["subject_id", "wave_id"]
    assert waves.index.tolist() == [("sub-01", "ses-1"), ("sub-01", "ses-2"), ("sub-02", "ses-1")]
    assert morphometry_features(waves).index.equals(waves.index)
    names = [f.path.name for f in list_folders(tmp_path, stream="long")]
    assert names == ["sub-01_ses-1.long.sub-01", "sub-01_ses-2.long.sub-01"]
    with pytest.raises(InputError, match=r"more than one folder, first sub-01_ses-1, sub-01_ses-2"):
        read_subjects(tmp_path, GROUPS)
    with pytest.raises(InputError, match="no subject of session ses-9 among 6 folders"):
        read_subjects(tmp_path, GROUPS, session="ses-9")


def test_other_naming_schemes(tmp_path):
    write_subject(tmp_path, "1000123_20263_2_0", seed=1)
    pattern = r"(?P<subject>\d+)_20263_(?P<session>\d)_0"
    table = read_subjects(tmp_path, GROUPS, pattern=pattern, session="2")
    assert table.index.tolist() == ["1000123"]
    write_subject(tmp_path, "phantom", seed=2)
    with pytest.raises(InputError, match=r"1 folders do not fit the pattern .* 'phantom'"):
        read_subjects(tmp_path, GROUPS, pattern=pattern)


EID = "1000123"
LAYOUTS = [
    f"{EID}_20263_2_0/FreeSurfer",  # as UK Biobank's archives unpack
    f"{EID}_20263_2_0",
    f"{EID}/20263_2_0/FreeSurfer",
    f"{EID}/{EID}_20263_2_0/FreeSurfer",
    f"FreeSurfer/{EID}_20263_2_0",
    f"20263/{EID}_20263_2_0",
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bulk_folders_of_uk_biobank(tmp_path, layout):
    for i, (eid, visit) in enumerate([(EID, 2), (EID, 3), ("2000456", 2)]):
        place = layout.replace(EID, eid).replace("20263_2", f"20263_{visit}")
        write_subject(tmp_path, place, seed=i)
    table = read_subjects(tmp_path, GROUPS, session="2")
    assert table.index.tolist() == [EID, "2000456"]
    waves = read_subjects(tmp_path, GROUPS, session="all")
    assert waves.index.tolist() == [(EID, "2"), (EID, "3"), ("2000456", "2")]
    with pytest.raises(InputError, match="more than one folder"):
        read_subjects(tmp_path, GROUPS)


def test_bulk_folders_of_one_visit_and_by_the_environment_s_pattern(tmp_path):
    write_subject(tmp_path, f"{EID}/FreeSurfer", seed=1)
    write_subject(tmp_path, "2000456/FreeSurfer", seed=2)
    assert read_subjects(tmp_path, GROUPS).index.tolist() == [EID, "2000456"]
    other = tmp_path / "other"
    write_subject(other, f"{EID}_20263_2_0/FreeSurfer", seed=1)
    pattern = r"(?P<subject>\d+)_(?P<session>20263_\d)_0"
    table = read_subjects(other, GROUPS, pattern=pattern, session="20263_2")
    assert table.index.tolist() == [EID]


def test_bulk_archives_that_name_nobody_or_are_packed(tmp_path):
    (tmp_path / f"{EID}_20263_2_0.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"Unpack the archives \(1000123_20263_2_0.zip"):
        read_subjects(tmp_path, GROUPS)
    write_subject(tmp_path, "FreeSurfer", seed=1)
    with pytest.raises(InputError, match=r"FreeSurfer: the folder holds one person's stats"):
        read_subjects(tmp_path, GROUPS)


def test_sessions_may_be_folders_of_a_subject(tmp_path):
    for i, name in enumerate(["sub-01/ses-1", "sub-01/ses-2", "sub-CC-002/ses-1"]):
        write_subject(tmp_path, name, seed=i)
    waves = read_subjects(tmp_path, GROUPS, session="all")
    assert waves.index.tolist() == [
        ("sub-01", "ses-1"), ("sub-01", "ses-2"), ("sub-CC-002", "ses-1")
    ]  # fmt: skip
    (tmp_path / "sub-03/stats").mkdir(parents=True)
    table = read_subjects(tmp_path, GROUPS, damaged="exclude", pattern=r"(?P<subject>.+)")
    assert table.loc["sub-03", "problem"] == "no lh.aparc.stats"


def test_measures_of_the_whole_brain_without_a_table(tmp_path):
    names = ["BrainSegVol", "MaskVol", "VentricleChoroidVol"]
    for i in range(3):
        stats = write_subject(tmp_path, f"sub-{i}", seed=i)
        lines = [f"# Measure {n[:-3]}, {n}, Words, {1000000 + i}.000, mm^3" for n in names]
        (stats / "brainvol.stats").write_text("\n".join(lines) + "\n")
    groups = {**GROUPS, "brain_volume": Group("brainvol", header=("BrainSegVol", "MaskVol"))}
    table = read_subjects(tmp_path, groups)
    assert table["brain_volume__MaskVol"].tolist() == [1e6, 1e6 + 1, 1e6 + 2]
    path = tmp_path / "sub-1/stats/brainvol.stats"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(InputError, match="it ends before the measure VentricleChoroidVol"):
        read_subjects(tmp_path, groups)


def test_two_spellings_and_absent_regions_of_stats_files(tmp_path):
    write_subject(tmp_path, "sub-1", seed=1)
    write_subject(tmp_path, "sub-2", seed=2)
    for subject, name in (("sub-1", "G&S_cingul-Ant"), ("sub-2", "G_and_S_cingul-Ant")):
        path = tmp_path / subject / "stats/lh.aparc.stats"
        path.write_text(path.read_text().replace("\ncuneus ", f"\n{name} "))
    path = tmp_path / "sub-1/stats/lh.aparc.stats"
    path.write_text(re.sub(r"(?m)^(insula +\d+ +\d+ +\d+) +\S+", r"\1 0.000", path.read_text()))
    table = read_subjects(tmp_path, GROUPS)
    assert np.isnan(table.loc["sub-1", "thickness__lh_insula"])
    assert "thickness__lh_G_and_S_cingul-Ant" in table
    path.write_text(path.read_text().replace("\nfusiform ", "\nG_and_S_cingul-Ant "))
    with pytest.raises(InputError, match="1 regions occur twice, under two spellings"):
        read_subjects(tmp_path, GROUPS)


@pytest.mark.parametrize("text", ["1_000", "2,5", "inf", "0x2", "two", "-3.1", "57"])
def test_no_number_that_is_none(cohort, text):
    path = cohort / "sub-03/stats/lh.aparc.stats"
    path.write_text(re.sub(r"(?m)^(cuneus +\d+ +\d+ +\d+) +\S+", rf"\1 {text}", path.read_text()))
    with pytest.raises(InputError, match=r"not a number|no thickness in mm"):
        read_subjects(cohort, GROUPS)


def cut_row(path):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-3]))


def cut_word(path):
    path.write_text(path.read_text()[:-30])


def cut_header(path):
    path.write_text("# Title Segmentation Statistics\n")


def other_atlas(path):
    path.write_text(path.read_text().replace("lh.aparc.annot", "lh.aparc.DKTatlas.annot"))


def text_value(path):
    path.write_text(re.sub(r"(?m)^(cuneus +\d+ +\d+ +\d+) +\S+", r"\1 thick", path.read_text()))


def broken_measure(path):
    path.write_text(path.read_text().replace("Mean Thickness, 2", "Mean Thickness, two"))


def double_row(path):
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")


@pytest.mark.parametrize(
    ("file", "damage", "message", "reason"),
    [
        ("lh.aparc.stats", cut_row, "31 of 34 regions are there", "lh.aparc.stats is truncated"),
        ("aseg.stats", cut_row, "1 of 4 rows are there", "aseg.stats is truncated"),
        ("rh.aparc.stats", cut_word, "the last line is cut off", "rh.aparc.stats is truncated"),
        ("aseg.stats", cut_header, "no line ColHeaders", "aseg.stats is truncated"),
        ("lh.aparc.stats", other_atlas, "those of 'aparc.DKTatlas', not of 'aparc'", "of atlas"),
        ("lh.aparc.stats", text_value, "ThickAvg of cuneus is 'thick'", "text for a number"),
        ("rh.aparc.stats", double_row, "1 regions occur twice", "rh.aparc.stats is truncated"),
        ("rh.aparc.stats", lambda p: p.unlink(), "the stats file is missing", "no rh.aparc.stats"),
        ("", shutil.rmtree, "there is no stats folder", "no stats folder"),
    ],
)
def test_unusable_subject_ends_the_run_or_is_counted(cohort, file, damage, message, reason):
    damage(cohort / "sub-03/stats" / file)
    with pytest.raises(InputError, match=message) as error:
        read_subjects(cohort, GROUPS)
    assert "sub-03" in str(error.value)
    table = read_subjects(cohort, GROUPS, damaged="exclude")
    assert reason in table.loc["sub-03", "problem"]
    assert (table["problem"] == "").sum() == 3
    assert table.loc["sub-03", "thickness__lh_insula":"aseg_volume__Right-Hippocampus"].isna().all()


def test_an_unreadable_measure_costs_a_subject_only_if_it_is_wanted(cohort, caplog):
    broken_measure(cohort / "sub-03/stats/lh.aparc.stats")
    whole = read_subjects(cohort, GROUPS)
    assert (whole["problem"] == "").all()
    assert "1 lines of the header hold no measure" in caplog.text
    wanted = {"mean_thickness": Group("aparc", header=("MeanThickness",))}
    with pytest.raises(InputError, match=r"sub-03.*measure line .* has no number"):
        read_subjects(cohort, wanted)
    table = read_subjects(cohort, wanted, damaged="exclude")
    assert table.loc["sub-03", "problem"] == "lh.aparc.stats is truncated or damaged"


def test_the_comma_that_version_6_forgot(cohort):
    """freesurfer/freesurfer#675."""
    for subject in ("sub-01", "sub-02", "sub-03", "sub-04"):
        for side in ("lh", "rh"):
            path = cohort / subject / f"stats/{side}.aparc.stats"
            comma = "," if subject != "sub-02" else ""
            line = f"# Measure Cortex, CortexVol{comma} Total cortical gray matter volume, "
            line += "390925.975594, mm^3\n# NTable"
            path.write_text(path.read_text().replace("# NTable", line))
    table = read_subjects(cohort, {"cortex": Group("aparc", header=("CortexVol",))})
    assert table["cortex__lh_CortexVol"].tolist() == [390925.975594] * 4
    assert (table["problem"] == "").all()


def test_region_without_vertices_is_a_gap(cohort):
    path = cohort / "sub-03/stats/lh.aparc.stats"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("frontalpole")))
    table = read_subjects(cohort, GROUPS)
    assert table["thickness__lh_frontalpole"].isna().tolist() == [False, False, True, False]
    assert (table["problem"] == "").all()


def test_nan_is_a_gap(cohort):
    path = cohort / "sub-03/stats/lh.aparc.stats"
    path.write_text(re.sub(r"(?m)^(cuneus +\d+ +\d+ +\d+) +\S+", r"\1 nan", path.read_text()))
    assert np.isnan(read_subjects(cohort, GROUPS).loc["sub-03", "thickness__lh_cuneus"])


def test_releases_do_not_mix_unless_told(cohort):
    shutil.rmtree(cohort / "sub-04")
    write_subject(cohort, "sub-04", seed=4, version="6")
    with pytest.raises(InputError, match=r"7\.3\.2 \(3\), 6 \(1\) \(1 of 4 subjects\)"):
        read_subjects(cohort, GROUPS)
    table = read_subjects(cohort, GROUPS, release="7.3.2")
    assert table["problem"].tolist() == ["", "", "", "FreeSurfer 6 instead of 7.3.2"]
    assert (read_subjects(cohort, GROUPS, release="any")["problem"] == "").all()
    with pytest.raises(InputError, match=r"no subject comes from FreeSurfer 8\.0"):
        read_subjects(cohort, GROUPS, release="8.0")


def test_thalamus_has_one_name_over_releases(cohort):
    path = cohort / "sub-03/stats/aseg.stats"
    path.write_text(path.read_text().replace("-Thalamus ", "-Thalamus-Proper "))
    table = read_subjects(cohort, GROUPS)
    assert [c for c in table if "Thalamus" in c] == [
        "aseg_volume__Left-Thalamus", "aseg_volume__Right-Thalamus"
    ]  # fmt: skip
    assert table["aseg_volume__Left-Thalamus"].notna().all()


def test_copied_subject_is_refused(cohort):
    shutil.copytree(cohort / "sub-02", cohort / "sub-07")
    with pytest.raises(InputError, match=r"same values, first sub-02, sub-07 \(2 of 5 subjects"):
        read_subjects(cohort, GROUPS)


def test_wrong_catalog_entries(cohort, tmp_path):
    with pytest.raises(InputError, match="the SUBJECTS_DIR is missing"):
        read_subjects(cohort / "nowhere", GROUPS)
    with pytest.raises(InputError, match="needs either `measure` or `header`"):
        Group("aparc")
    with pytest.raises(InputError, match=r"the table has NumVert.*Correct the measure 'Thick'"):
        read_subjects(cohort, {"thickness": Group("aparc", "Thick")})
    with pytest.raises(InputError, match="no measure BrainVol; it has BrainSegVol"):
        read_subjects(cohort, {"brain": Group("aseg", header=("BrainVol",))})
    with pytest.raises(InputError, match=r"no subject can be used.*no lh.Schaefer.* \(4 of 4"):
        read_subjects(cohort, {"t": Group("Schaefer", "ThickAvg")}, damaged="exclude")


def test_a_thousand_subjects_take_seconds(tmp_path):
    source = write_subject(tmp_path / "source", "s", seed=0)
    texts = {p.name: p.read_text() for p in source.iterdir()}
    many = tmp_path / "many"
    for i in range(200):
        folder = many / f"sub-{i:04d}" / "stats"
        folder.mkdir(parents=True)
        for name, text in texts.items():
            # A different first value for everybody, or they would be copies.
            changed = re.sub(r"(?m)^(bankssts +\d+ +\d+ +\d+) +\S+", rf"\1 {2 + i / 1e3:.4f}", text)
            (folder / name).write_text(changed)
    start = time.perf_counter()
    table = read_subjects(many, GROUPS)
    assert len(table) == 200
    assert time.perf_counter() - start < 4  # 20 s for a thousand, with room for a busy machine
