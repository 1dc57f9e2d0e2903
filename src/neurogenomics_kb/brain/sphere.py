"""Where regions lie on the spherical surface, and in the brain, for spatial null models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from neurogenomics_kb.brain.maps import RegionPlaces
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.measures import read_measures
from neurogenomics_kb.foundation.tables import (
    require_columns,
    require_finite_numbers,
    require_unique_ids,
)

# What annotations call the parts of a surface that are no cortex.
NO_REGION = frozenset({"unknown", "corpuscallosum", "medial_wall", "medialwall", "???"})


def load_sphere(settings: dict[str, Any]) -> pd.DataFrame:
    """Centres of regions on the sphere, from the settings of a catalog entry.

    Parameters
    ----------
    settings : dict
        ``coordinates``: a table with the columns ``name, x, y, z``; or ``left`` and ``right``:
        FreeSurfer annotations of fsaverage5.

    Returns
    -------
    DataFrame
        ``x, y, z``, the index of region names; regions of an annotation are called ``lh_…`` and
        ``rh_…``.

    Raises
    ------
    InputError
        If a file cannot be read, or an annotation is not of fsaverage5.
    """
    if settings.get("coordinates") is not None:
        path = Path(settings["coordinates"])
        table = read_measures(path, ids=["name"])
        require_columns(table, ("name", "x", "y", "z"), str(path))
        require_unique_ids(table["name"], str(path), "name")
        places = {axis: require_finite_numbers(table[axis], path, axis) for axis in "xyz"}
        return pd.DataFrame(places).set_axis(pd.Index(table["name"], name="name"))
    halves = {"lh": settings["left"], "rh": settings["right"]}
    return pd.concat([centres_of_annotation(path, side) for side, path in halves.items()])


def centres_of_annotation(path: str | Path, side: str) -> pd.DataFrame:
    """Centre of every region of an annotation on fsaverage5's sphere.

    The mean of a region's vertices, put back onto the sphere (Vázquez-Rodríguez et al., PNAS
    2019). The sphere comes with nilearn; nothing is downloaded.

    Parameters
    ----------
    path : path
        FreeSurfer annotation (``.annot``).
    side : {"lh", "rh"}
        Hemisphere.

    Returns
    -------
    DataFrame
        ``x, y, z`` (radius 1), index of names with the side in front.

    Raises
    ------
    InputError
        If the file is no annotation, or is of another surface.
    """
    # Takes seconds to import, and most runs compare no maps.
    from nilearn import datasets, surface

    try:
        labels, _, names = nib.freesurfer.read_annot(path)
    except (OSError, ValueError, IndexError) as error:
        raise InputError(
            f"is no FreeSurfer annotation ({error})", file=path, remedy="Give an .annot file."
        ) from error
    fsaverage = datasets.fetch_surf_fsaverage("fsaverage5")
    mesh = surface.load_surf_mesh(fsaverage[{"lh": "sphere_left", "rh": "sphere_right"}[side]])
    vertices = np.asarray(mesh.coordinates, dtype=float)
    if len(labels) != len(vertices):
        raise InputError(
            f"{len(labels)} vertices, fsaverage5 has {len(vertices)}",
            file=path,
            remedy="Bring the annotation to fsaverage5 (mri_surf2surf), or give coordinates.",
        )
    centres = {}
    for value, name in enumerate(n.decode() for n in names):
        if name.lower() in NO_REGION or not (labels == value).any():
            continue
        mean = vertices[labels == value].mean(axis=0)
        centres[f"{side}_{name}"] = mean / np.linalg.norm(mean)
    return pd.DataFrame.from_dict(centres, orient="index", columns=list("xyz")).rename_axis("name")


def region_centres(places: RegionPlaces) -> pd.DataFrame:
    """Centres of regions in the brain (mm), from an atlas's coordinates or voxels.

    Parameters
    ----------
    places : RegionPlaces
        Where the regions lie.

    Returns
    -------
    DataFrame
        ``x, y, z``, index of region names.
    """
    if places.atlas is None:
        return places.coordinates
    image, labels = places.atlas.image, places.atlas.labels
    data = np.asanyarray(image.dataobj).astype(int)
    voxels = ndimage.center_of_mass(np.ones(data.shape), data, labels.index)
    centres = nib.affines.apply_affine(image.affine, np.asarray(voxels))
    return pd.DataFrame(centres, columns=list("xyz"), index=pd.Index(labels["name"], name="name"))
