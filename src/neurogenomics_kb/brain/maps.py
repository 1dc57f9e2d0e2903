"""Values of regions drawn on a brain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from neurogenomics_kb.brain.atlas import Atlas, load_atlas
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.measures import read_measures
from neurogenomics_kb.foundation.tables import (
    require_columns,
    require_finite_numbers,
    require_unique_ids,
)

_HEMISPHERE = re.compile(r"^(?:ctx)?(lh|rh|left|right|l|r)(?=[^a-z]|$)|(?<=[^a-z])(lh|rh)$")
_SIDE = {"left": "lh", "l": "lh", "right": "rh", "r": "rh"}


@dataclass(frozen=True, eq=False)
class RegionPlaces:
    """Where regions are.

    Attributes
    ----------
    name : str
    atlas : Atlas or None
        Image of labels in MNI space.
    coordinates : DataFrame or None
        ``x, y, z`` (mm, MNI), index of region names; used where there is no image.
    """

    name: str
    atlas: Atlas | None = None
    coordinates: pd.DataFrame | None = None

    @property
    def regions(self) -> list[str]:
        """Names of the regions."""
        if self.atlas is not None:
            return self.atlas.parcels
        return [str(name) for name in self.coordinates.index]


def load_places(settings: dict[str, Any]) -> RegionPlaces:
    """Places from the settings of an atlas's catalog entry.

    Parameters
    ----------
    settings : dict
        As of `neurogenomics_kb.brain.atlas.load_atlas`, or with ``coordinates`` in place of images:
        a table with the columns ``name, x, y, z``.

    Raises
    ------
    InputError
    """
    if settings.get("coordinates") is None:
        atlas = load_atlas(settings)
        if atlas.is_maps:
            raise InputError(
                "maps that may overlap cannot be coloured by region",
                file=f"atlas {atlas.name}",
                remedy="Give an image of labels, or coordinates.",
            )
        return RegionPlaces(atlas.name, atlas=atlas)
    path = Path(settings["coordinates"])
    table = read_measures(path, ids=["name"])
    require_columns(table, ("name", "x", "y", "z"), str(path))
    require_unique_ids(table["name"], str(path), "name")
    places = {axis: require_finite_numbers(table[axis], path, axis) for axis in "xyz"}
    index = pd.Index(table["name"], name="name")
    return RegionPlaces(settings["name"], coordinates=pd.DataFrame(places).set_axis(index))


def region_key(name: str) -> str:
    """A region's name without the habits of programs, for comparison.

    Examples
    --------
    >>> region_key("ctx-lh-bankssts") == region_key("lh_bankssts") == region_key("L.Bankssts")
    True
    >>> region_key("Left-Hippocampus"), region_key("HIP-rh")
    ('lh hippocampus', 'rh hip')
    """
    plain = re.sub(r"^ctx[\W_]+", "", name.strip().lower())
    side = _HEMISPHERE.search(plain)
    if side is None:
        return re.sub(r"[\W_]+", " ", plain).strip()
    found = side.group(1) or side.group(2)
    rest = plain[: side.start()] + plain[side.end() :]
    return f"{_SIDE.get(found, found)} {re.sub(r'[^a-z0-9]+', ' ', rest).strip()}"


def place_values(values: pd.Series, places: RegionPlaces) -> pd.Series:
    """Values of the regions that the atlas knows, under the atlas's names.

    Parameters
    ----------
    values : Series
        Index of region names.
    places : RegionPlaces
        Where the regions lie.

    Returns
    -------
    Series
        Fewer than `values` where the atlas lacks regions; perhaps empty.

    Raises
    ------
    InputError
        If two names mean one region.
    """
    known = {region_key(name): name for name in places.regions}
    found = {name: known.get(region_key(str(name))) for name in values.index}
    placed = values[[found[name] is not None for name in values.index]]
    placed = placed.rename(index=found)
    if placed.index.duplicated().any():
        raise InputError(
            f"region {placed.index[placed.index.duplicated()][0]} has several values",
            file=f"atlas {places.name}",
            remedy="Give one value per region.",
        )
    return placed


def value_image(values: pd.Series, atlas: Atlas) -> nib.Nifti1Image:
    """Image in which every voxel has its region's value, and 0 elsewhere.

    Parameters
    ----------
    values : Series
        Index of the atlas's names.
    atlas : Atlas
        Atlas with its regions.

    Returns
    -------
    Nifti1Image
    """
    labels = np.asanyarray(atlas.image.dataobj).astype(int)
    table = np.zeros(max(labels.max(), atlas.labels.index.max()) + 1, np.float32)
    of_name = dict(zip(atlas.labels["name"], atlas.labels.index, strict=True))
    for name, value in values.items():
        table[of_name[name]] = value
    return nib.Nifti1Image(table[labels], atlas.image.affine)


def draw_values(
    values: pd.Series, places: RegionPlaces, axes: Any, title: str | None = None
) -> None:
    """Draw placed values on nilearn's glass brain: filled regions, or markers at coordinates.

    Colours are symmetric about 0. Nothing is downloaded.

    Parameters
    ----------
    values : Series
        From `place_values`.
    places : RegionPlaces
        Where the regions lie.
    axes : matplotlib axes
        Replaced by nilearn's own.
    title : str, optional
        Title of the panel; none by default.
    """
    # Plotting takes seconds to import, and most uses of this package draw no brain.
    from nilearn import plotting

    limit = float(values.abs().max()) or 1.0
    if places.atlas is not None:
        display = plotting.plot_glass_brain(
            value_image(values, places.atlas), axes=axes, plot_abs=False, vmin=-limit, vmax=limit,
            cmap="RdBu_r", colorbar=True, threshold=limit * 1e-6, symmetric_cbar=True,
        )  # fmt: skip
    else:
        display = plotting.plot_markers(
            values.to_numpy(), places.coordinates.loc[values.index].to_numpy(), axes=axes,
            node_cmap="RdBu_r", node_vmin=-limit, node_vmax=limit, node_size=40, alpha=0.9,
        )  # fmt: skip
    if title:
        display.title(title, size=8, color="black", bgcolor="white", alpha=0.8)
