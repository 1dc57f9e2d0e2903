"""Maps of axes against reference maps, from the files of a catalog to the report."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.brain.maps import load_places
from neurogenomics_kb.brain.sphere import centres_of_annotation, load_sphere, region_centres
from neurogenomics_kb.datasets import (
    AtlasDataset,
    NotCollected,
    ReferenceMapsDataset,
    SphereDataset,
)
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.cca import tables as cca
from neurogenomics_kb.pipelines.integration.analyses.reference_maps import tables
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.compare import (
    ADJUSTMENT,
    Places,
    compare_maps,
)
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.nodes import (
    compare_reference_maps,
)
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.present import present_maps
from neurogenomics_kb.stats.inference.spatial import map_correlation
from tests.brain.conftest import AFFINE, LABELS, label_image
from tests.pipelines.conftest import make_recipe
from tests.stats.inference.test_spatial import BRAIN, HALF, HOMOLOGUES, PLACES, SIDE, smooth_map
from tests.view.tables import Numbers, rows_of

ABSENT = NotCollected("smri", "not here")
NAMES = [f"{side}_r{i}" for side in ("lh", "rh") for i in range(HALF)]


def loadings_of(values, block="brain", component=1, group="thickness"):
    """Loadings of one side, a feature per region."""
    return rows_of(
        cca.LOADINGS, Numbers(),
        *(
            {"x": "gene", "y": "brain", "component": component, "side": "y", "block": block,
             "group": group, "unit": unit, "feature": f"{group}{unit}", "loading": value}
            for unit, value in values.items()
        ),
    )  # fmt: skip


def inference_of(*components):
    return rows_of(
        cca.INFERENCE, Numbers(),
        *({"x": "gene", "y": "brain", "component": c, "p_adjusted": p} for c, p in components),
    )  # fmt: skip


@pytest.fixture
def cohort(tmp_path):
    """Maps and places in files; region names as other programs write them."""
    rng = np.random.default_rng(0)
    axis = pd.Series(smooth_map(rng, length=0.3), NAMES)
    maps = pd.DataFrame(
        {
            "region": [f"{name[0].upper()}.r{name[4:]}" for name in NAMES],
            "like it": -axis.to_numpy() + rng.normal(size=68),
            "another": smooth_map(rng),
        }
    )
    maps.loc[3, "like it"] = np.nan
    maps.to_csv(tmp_path / "maps.csv", index=False)
    for name, places in (("brain", BRAIN), ("sphere", PLACES * 100)):
        pd.DataFrame(places, columns=list("xyz")).assign(name=NAMES).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    return {
        "axis": axis,
        "maps": ReferenceMapsDataset(filepath=str(tmp_path / "maps.csv")).load(),
        "sphere": SphereDataset(coordinates=str(tmp_path / "sphere.csv")).load(),
        "regions": AtlasDataset(name="a", coordinates=str(tmp_path / "brain.csv")).load(),
    }


def run(cohort, inference=None, loadings=None, **changes):
    given = cohort | changes
    recipe = make_recipe(
        analyses=["cca", "reference_maps"], n_permutations=199,
        spatial_null=given.get("spatial_null", "moran"), seed=3,
    )  # fmt: skip
    inference = inference_of((1, 0.5)) if inference is None else inference
    loadings = loadings_of(given["axis"]) if loadings is None else loadings
    table = compare_reference_maps(
        recipe, inference, loadings, given["maps"], given["sphere"], given["regions"]
    )
    tables.COMPARISONS.check(table)
    return recipe, table


@pytest.mark.parametrize("method", ["moran", "spin", "spin nearest"])
def test_the_map_that_is_like_the_axis_is_found(cohort, method):
    recipe, table = run(cohort, spatial_null=method)
    alike, other = table.set_index("map").loc[["like it", "another"]].itertuples()
    # One of 199 rotations may come to lie near the beginning.
    assert alike.p_raw <= 2 / 200
    assert alike.correlation < -0.4
    assert (alike.n_regions, alike.n_lost) == (67, 1)
    assert (other.n_regions, other.n_lost) == (68, 0)
    assert other.p_raw > 0.05
    assert alike.p_adjusted == 2 * alike.p_raw
    assert (table["adjustment"] == ADJUSTMENT).all()
    assert (table["method"] == method).all()
    where = BRAIN if method == "moran" else PLACES
    same = map_correlation(
        cohort["axis"].to_numpy(), cohort["maps"]["another"].to_numpy(), where, method=method,
        hemisphere=SIDE, homologues=HOMOLOGUES if method == "moran" else None,
        n_permutations=199, random_state=3,
    )  # fmt: skip
    assert other.p_raw == same.p_value
    assert other.p_naive == same.p_naive
    assert other.p_error == same.p_value_error
    part = present_maps(recipe, table)
    assert "1 of 2 comparisons" in part.findings[0]
    assert "like it with thickness of brain" in part.findings[0]
    assert part.metrics["reference_maps/gene/brain/1/brain/thickness/like it/p_adjusted"] == (
        alike.p_adjusted
    )


def test_components_and_measures_that_are_compared(cohort):
    """Significant components and the first; measures with one value per region, of known ones."""
    axis = cohort["axis"]
    loadings = pd.concat(
        [
            loadings_of(axis, component=1),
            loadings_of(axis, component=2),
            loadings_of(axis, component=3),
            loadings_of(pd.Series([0.1, 0.2], ["TP53", "APOE"]), group="kmer"),
            loadings_of(axis, group="many"),
            loadings_of(axis, group="many"),
        ]
    )
    _, table = run(cohort, inference_of((1, 0.9), (2, 0.04), (3, 0.06)), loadings)
    assert table[["component", "group"]].drop_duplicates().to_numpy().tolist() == [
        [1, "thickness"], [2, "thickness"]
    ]  # fmt: skip
    assert len(table) == 4


def test_one_hemisphere_and_regions_without_a_side(cohort):
    """A midline region is lost beside hemispheres; names without sides are one sheet."""
    axis = cohort["axis"].iloc[:HALF]
    extended = pd.concat([axis, pd.Series([0.3], ["brain stem"])])
    maps = pd.concat([cohort["maps"], pd.DataFrame({"like it": [1.0], "another": 2.0},
                                                   index=["Brain-Stem"])])  # fmt: skip
    _, table = run(cohort, loadings=loadings_of(extended), maps=maps)
    assert table["n_regions"].tolist() == [33, 34]
    assert table["n_lost"].tolist() == [2, 1]
    plain = [f"r{i}" for i in range(HALF)]
    sheet = cohort["maps"].iloc[:HALF].set_axis(plain)
    sphere = pd.DataFrame(PLACES[:HALF], columns=list("xyz"))
    recipe = make_recipe(analyses=["cca", "reference_maps"], n_permutations=19)
    one = compare_maps(
        recipe, inference_of((1, 0.5)), loadings_of(axis.set_axis(plain)), sheet,
        Places(sphere.set_axis(plain), None),
    )  # fmt: skip
    assert one["n_regions"].tolist() == [33, 34]


def test_too_few_regions_and_a_flat_map_are_said(cohort):
    few = cohort["maps"].iloc[:9].assign(flat=1.0)
    _, table = run(cohort, maps=few)
    assert (table["note"] == "fewer than 10 regions in common").all()
    assert table["p_raw"].isna().all()
    recipe, table = run(cohort, maps=cohort["maps"].assign(flat=1.0)[["flat"]])
    assert (table["note"] == "one of the maps does not vary").all()
    part = present_maps(recipe, table)
    assert part.findings == []
    assert part.statements == []
    assert "one of the maps does not vary" in str(part.sections)


def test_what_is_not_there_is_not_told(cohort):
    recipe, table = run(cohort, maps=ABSENT)
    assert table.empty
    assert "not told" in present_maps(recipe, table).cautions[0]
    quiet = make_recipe(analyses=["cca"])
    assert compare_reference_maps(quiet, None, None, cohort["maps"], ABSENT, ABSENT).empty
    assert present_maps(quiet, table).cautions == []
    with pytest.raises(InputError, match="spatial_null 'spin' needs places"):
        run(cohort, spatial_null="spin", sphere=ABSENT)
    with pytest.raises(InputError, match="'moran' needs places"):
        run(cohort, sphere=ABSENT, regions=ABSENT)
    # Moran's method takes the sphere where no place in the brain is known.
    _, table = run(cohort, regions=ABSENT)
    assert table["p_raw"].notna().all()
    twice = pd.concat([cohort["maps"], cohort["maps"].iloc[:1].set_axis(["lh.r0"])])
    with pytest.raises(InputError, match="two regions of the reference maps mean 'lh r0'"):
        run(cohort, maps=twice)


def test_experiment_needs_the_axes():
    with pytest.raises(ValueError, match="reference_maps uses the axes of cca"):
        make_recipe(analyses=["prediction", "reference_maps"])


def test_files_that_are_no_maps(tmp_path):
    file = tmp_path / "maps.csv"
    file.write_text("region,a\nx,1\nx,2\n")
    with pytest.raises(DatasetError, match="that occur twice: x"):
        ReferenceMapsDataset(filepath=str(file)).load()
    file.write_text("region,a\nx,low\ny,high\n")
    with pytest.raises(DatasetError, match="the map holds text"):
        ReferenceMapsDataset(filepath=str(file)).load()
    file.write_text("region\nx\ny\n")
    with pytest.raises(DatasetError, match="there is no map"):
        ReferenceMapsDataset(filepath=str(file)).load()
    with pytest.raises(DatasetError, match="either coordinates, or left and right"):
        SphereDataset(coordinates="a", left="b", right="c")


def test_centres_of_an_annotation_on_the_sphere(tmp_path):
    """Two caps about the poles of fsaverage5's sphere: their centres are the poles."""
    from nilearn import datasets, surface

    mesh = surface.load_surf_mesh(datasets.fetch_surf_fsaverage("fsaverage5")["sphere_left"])
    x, y = np.asarray(mesh.coordinates)[:, :2].T
    labels = np.where(y > 80, 1, np.where(x > 80, 2, 0))
    colours = np.array([[i * 20, 10, 10, 0, i] for i in range(3)])
    file = tmp_path / "lh.annot"
    nib.freesurfer.write_annot(file, labels, colours, ["unknown", "front", "side"], fill_ctab=True)
    found = centres_of_annotation(file, "lh")
    assert found.index.tolist() == ["lh_front", "lh_side"]
    np.testing.assert_allclose(found.to_numpy(), [[0, 1, 0], [1, 0, 0]], atol=0.02)
    both = load_sphere(SphereDataset(left=str(file), right=str(file)).load())
    assert both.index.tolist() == ["lh_front", "lh_side", "rh_front", "rh_side"]
    nib.freesurfer.write_annot(file, labels[:50], colours, ["unknown", "front", "side"],
                               fill_ctab=True)  # fmt: skip
    with pytest.raises(InputError, match="50 vertices, fsaverage5 has 10242"):
        centres_of_annotation(file, "lh")
    file.write_text("no annotation")
    with pytest.raises(InputError, match="is no FreeSurfer annotation"):
        centres_of_annotation(file, "lh")


def test_centres_of_an_atlas_image(tmp_path):
    nib.save(nib.Nifti1Image(label_image(), AFFINE), tmp_path / "atlas.nii.gz")
    (tmp_path / "atlas.tsv").write_text(LABELS)
    files = {"filepath": str(tmp_path / "atlas.nii.gz"), "labels": str(tmp_path / "atlas.tsv")}
    places = load_places(AtlasDataset(name="Four", **files).load())
    found = region_centres(places)
    data = label_image()
    for value, name in places.atlas.labels["name"].items():
        voxels = np.argwhere(data == value).mean(axis=0)
        np.testing.assert_allclose(found.loc[name], AFFINE[:3, :3] @ voxels + AFFINE[:3, 3])
