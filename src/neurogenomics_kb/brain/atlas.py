"""Brain atlases: an image of parcels and their names."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn import datasets

from neurogenomics_kb.brain.connectivity import network_of
from neurogenomics_kb.brain.images import DAMAGE, OPEN, believable, read_array
from neurogenomics_kb.foundation.delimited import clean, find_delimiter, read_content, split_rows
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import refuse_no_file
from neurogenomics_kb.foundation.tables import GAPS

logger = logging.getLogger(__name__)

# FreeSurfer's colour table names thousands of structures; an image holds a few.
_FREESURFER_TABLE = "#No."


@dataclass(frozen=True, eq=False)
class Atlas:
    """Parcels in space.

    Attributes
    ----------
    name : str
    image : nibabel image
        3-D with integer labels, or 4-D with one map per parcel.
    labels : DataFrame
        Index of label values (or numbers of maps), ``name``, ``network`` ("" where unknown).
    space : str
        Space the image is in, or "".
    """

    name: str
    image: Any
    labels: pd.DataFrame
    space: str = ""

    @property
    def parcels(self) -> list[str]:
        """Names of the parcels, in the order of the labels."""
        return self.labels["name"].tolist()

    @property
    def networks(self) -> dict[str, str]:
        """Parcel to network, for parcels that have one."""
        known = self.labels[self.labels["network"] != ""]
        return dict(zip(known["name"], known["network"], strict=True))

    @property
    def is_maps(self) -> bool:
        """Whether parcels are maps that may overlap."""
        return len(self.image.shape) == 4


def load_atlas(settings: dict[str, Any]) -> Atlas:
    """Atlas from the settings of a catalog entry.

    Parameters
    ----------
    settings : dict
        ``name``, ``images``, ``labels``, ``space``, ``fetch``.

    Raises
    ------
    InputError
    """
    if settings["fetch"] is not None:
        return fetch_atlas(settings["name"], **settings["fetch"])
    images, tables = settings["images"], settings["labels"]
    if not images:
        raise InputError(
            "the entry names no image",
            file=f"atlas {settings['name']}",
            remedy="Give filepath; coordinates serve brain maps only.",
        )
    if len(tables) not in (0, len(images)):
        raise InputError(
            f"{len(images)} images but {len(tables)} tables of labels",
            file=f"atlas {settings['name']}",
            remedy="Give one table for each image.",
        )
    tables = tables or [None] * len(images)
    name, space = settings["name"], settings["space"]
    return combine_atlases(
        [read_atlas(i, t, name=name, space=space) for i, t in zip(images, tables, strict=True)]
    )


def read_atlas(
    image: str | Path, labels: str | Path | None = None, *, name: str = "", space: str = ""
) -> Atlas:
    """Atlas from files.

    Parameters
    ----------
    image : path
        NIfTI (or MGZ) of integer labels, 0 outside; or 4-D maps.
    labels : path, optional
        A table with a header (``index``, ``name`` and possibly ``network``; tab or comma), the
        lists of Schaefer (``1 7Networks_LH_Vis_1 …``) and FreeSurfer (``1002 ctx-lh-… …``), or the
        list of names of Tian, one per line. Without it parcels are called by their label.
    name, space : str
        Name of the atlas, and the space that it lies in.

    Raises
    ------
    InputError
        If a file cannot be read, values are no labels, or table and image do not agree.
    """
    image = Path(image)
    loaded = load_image(image)
    if len(loaded.shape) == 4:
        found = np.arange(1, loaded.shape[3] + 1)
        read_array(loaded, image, remedy="Copy or make it again.")
    else:
        found = np.unique(read_array(loaded, image, remedy="Copy or make it again."))
        if not np.array_equal(found, np.round(found)) or (found < 0).any():
            raise InputError(
                f"values such as {found[found != np.round(found)][:1] or found[:1]} are no labels",
                file=image,
                remedy="Give an image of integer labels; interpolate labels by nearest neighbour.",
            )
        found = found[found > 0].astype(int)
    if not len(found):
        raise InputError("there is no label in the image", file=image, remedy="Check the file.")
    if labels is None:
        table = pd.DataFrame({"name": [f"label{v}" for v in found], "network": ""}, index=found)
    else:
        table = _match_labels(_read_labels(Path(labels)), found, image, Path(labels))
    return Atlas(name or image.name.split(".")[0], loaded, table, space)


def load_image(path: str | Path, **options: Any) -> Any:
    """Header of an image; voxels stay on disk.

    Parameters
    ----------
    path : str or Path
        File or folder to read.
    **options
        Of nibabel's ``load``.

    Raises
    ------
    InputError
        If there is no such file, or it is no image.
    """
    refuse_no_file(path)
    try:
        image = nib.load(path, **options)
    except FileNotFoundError:
        raise InputError("the image is missing", file=path, remedy="Correct the path.") from None
    except (nib.filebasedimages.ImageFileError, *DAMAGE) as error:
        raise InputError(
            f"the file cannot be read as an image ({error})",
            file=path,
            remedy="Copy or make it again; it is probably damaged or truncated.",
        ) from None
    return believable(image, path)


def open_image(image: Any) -> tuple[Any, str]:
    """An image, by path or opened already, and what to call it in messages."""
    if isinstance(image, str | Path):
        # Left open, since compressed ones are read from front to back and to their end.
        return load_image(image, **OPEN), str(image)
    return image, image.get_filename() or "image"


def _read_labels(path: Path) -> pd.DataFrame:
    """Table of labels: index of values, ``name``, ``network``.

    Raises
    ------
    InputError
        If a line cannot be read, or values or names repeat.
    """
    lines = [line for line in read_content(path).splitlines() if line.strip()]
    if not lines:
        raise InputError("the table has no row", file=path, remedy="Write the table again.")
    colours = any(line.startswith(_FREESURFER_TABLE) for line in lines)
    lines = [line for line in lines if not line.startswith("#")]
    text = "\n".join(lines)
    found = split_rows(path, text, find_delimiter(text, path, blanks=True))
    cells = [[clean(cell) for cell in row] for _, row in found]
    header = [cell.lower() for cell in cells[0]] if cells else []
    try:
        if "name" in header:
            value = next(header.index(n) for n in ("index", "value", "label") if n in header)
            network = header.index("network") if "network" in header else None
            rows = [
                (
                    int(c[value]),
                    c[header.index("name")],
                    "" if network is None else named(c[network]),
                )
                for c in cells[1:]
            ]
        elif header and len(header) == 1:
            rows = [(i, c[0], "") for i, c in enumerate(cells, start=1)]
        else:
            rows = [(int(c[0]), c[1], "") for c in cells]
    except (ValueError, IndexError, StopIteration):
        raise InputError(
            "the table of labels cannot be read",
            file=path,
            remedy="Write a header with index and name, or one name per line.",
        ) from None
    table = pd.DataFrame(rows, columns=["index", "name", "network"]).set_index("index")
    table = table[table.index != 0]
    if (table["name"].map(named) == "").any():
        raise InputError(
            "a parcel has no name", file=path, column="name", remedy="Name every parcel."
        )
    for what, values in (("label", table.index.to_series()), ("name", table["name"])):
        repeated = values[values.duplicated()]
        if len(repeated):
            raise InputError(
                f"{what} {listing(repeated.unique())} occurs more than once",
                file=path,
                remedy="Keep one line per parcel.",
            )
    guessed = [network_of(name) or "" for name in table["name"]]
    table["network"] = table["network"].where(table["network"] != "", guessed)
    table.attrs["may_name_more"] = colours
    return table


def named(cell: str) -> str:
    """A name, or nothing where a gap stands."""
    return "" if cell in GAPS else cell


def _match_labels(
    table: pd.DataFrame, found: np.ndarray, image: Path, labels: Path
) -> pd.DataFrame:
    """Labels that the image holds, in the order of their values.

    Raises
    ------
    InputError
        If the image holds labels that the table does not name, or the table names parcels that
        have no voxel in the image.
    """
    unnamed = sorted(set(found) - set(table.index))
    if unnamed:
        raise InputError(
            f"{len(unnamed)} labels of {image.name} have no name, first {unnamed[0]}",
            file=labels,
            remedy="Use image and table of one atlas.",
        )
    empty = sorted(set(table.index) - set(found))
    if empty and not table.attrs["may_name_more"]:
        raise InputError(
            f"parcel {listing(table.loc[empty, 'name'])} has no voxel in {image.name}",
            file=labels,
            remedy="Use image and table of one atlas, or take the parcel out of the table.",
        )
    return table.loc[sorted(found)]


def combine_atlases(atlases: Sequence[Atlas]) -> Atlas:
    """Several images of labels on one grid as one atlas; where they overlap the first has it.

    Raises
    ------
    InputError
        If the grids differ, names repeat, or a parcel is hidden by an earlier atlas.
    """
    first, *others = atlases
    if not others:
        return first
    values = np.asanyarray(first.image.dataobj).astype(np.int32)
    tables = [first.labels]
    for other in others:
        if other.image.shape != first.image.shape or not np.allclose(
            other.image.affine, first.image.affine, atol=1e-3
        ):
            raise InputError(
                f"the images are on different grids: {first.image.shape} and {other.image.shape}",
                file=f"atlas {first.name}",
                remedy="Bring them to one grid by nearest neighbour first, or use 3-D labels.",
            )
        offset = int(values.max())
        added = np.asanyarray(other.image.dataobj).astype(np.int32)
        added = np.where((added > 0) & (values == 0), added + offset, 0)
        hidden = set(other.labels.index + offset) - set(np.unique(added))
        if hidden:
            raise InputError(
                f"{len(hidden)} parcels lie wholly inside those of an earlier image",
                file=f"atlas {first.name}",
                remedy="Combine atlases of different structures.",
            )
        values += added
        tables.append(other.labels.set_index(other.labels.index + offset))
    labels = pd.concat(tables)
    if labels["name"].duplicated().any():
        raise InputError(
            f"name {listing(labels['name'][labels['name'].duplicated()])} is in two images",
            file=f"atlas {first.name}",
            remedy="Rename the parcels of one of them.",
        )
    image = nib.Nifti1Image(values, first.image.affine)
    return Atlas(first.name, image, labels, first.space)


def fetch_atlas(name: str, *, family: str, data_dir: str | None = None, **options: Any) -> Atlas:
    """Atlas through nilearn, which downloads it once.

    Parameters
    ----------
    name : str
        What cards call it.
    family : {"schaefer", "destrieux", "aal", "harvard_oxford", "difumo", "msdl"}
        Which atlas to fetch.
    data_dir : str, optional
        nilearn's folder of downloads.
    **options
        Of the fetcher: ``n_rois``, ``yeo_networks``, ``resolution_mm`` and so on.

    Raises
    ------
    InputError
        If nilearn has no such fetcher (Tian, Desikan–Killiany and Gordon have none), or the
        download fails.
    """
    fetchers = {
        "schaefer": datasets.fetch_atlas_schaefer_2018,
        "destrieux": datasets.fetch_atlas_destrieux_2009,
        "aal": datasets.fetch_atlas_aal,
        "harvard_oxford": datasets.fetch_atlas_harvard_oxford,
        "difumo": datasets.fetch_atlas_difumo,
        "msdl": datasets.fetch_atlas_msdl,
    }
    if family not in fetchers:
        raise InputError(
            f"nilearn has no fetcher for '{family}'; it has {listing(fetchers, 9)}",
            file=f"atlas {name}",
            remedy="Give the image and its table of labels by path.",
        )
    try:
        got = fetchers[family](data_dir=data_dir, verbose=0, **options)
    except (OSError, TypeError, ValueError) as error:
        raise InputError(
            f"nilearn could not fetch it ({type(error).__name__}: {str(error)[:200]})",
            file=f"atlas {name}",
            remedy="Download it where there is a network and give image and labels by path.",
        ) from None
    image = got.maps if not isinstance(got.maps, str | Path) else load_image(got.maps)
    named = [n.decode() if isinstance(n, bytes) else str(n) for n in got.labels]
    if len(image.shape) == 4:
        values = np.arange(1, image.shape[3] + 1)
        named = named[-len(values) :]
    else:
        values = np.unique(np.asanyarray(image.dataobj))
        values = values[values > 0].astype(int)
        named = [n for n in named if n != "Background"]
        if len(named) != len(values):
            raise InputError(
                f"{len(values)} labels in the image, {len(named)} names",
                file=f"atlas {name}",
                remedy="Give image and labels by path.",
            )
    table = pd.DataFrame(
        {"name": named, "network": [network_of(n) or "" for n in named]}, index=values
    )
    return Atlas(name, image, table, str(got.get("template") or ""))
