"""Catalog entry of a brain atlas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset


class AtlasDataset(ReadOnlyDataset[dict[str, Any]]):
    """An atlas by path, or by the name of one of nilearn's fetchers.

    Parameters
    ----------
    name : str
        What preprocessing cards call it (``Schaefer-400``).
    filepath : str or list of str, optional
        NIfTI image of integer labels, or 4-D maps. Several images of labels on one grid become one
        atlas (Schaefer-400 and Tian-50).
    labels : str or list of str, optional
        Table of labels for each; see `neurogenomics_kb.brain.parcellation.read_atlas`.
    space : str
        Space that the image is in (``MNI152NLin6Asym``), or nothing.
    coordinates : str, optional
        Table of ``name, x, y, z`` (mm, MNI) instead of an image, for brain maps alone.
    fetch : dict, optional
        Arguments of `neurogenomics_kb.brain.parcellation.fetch_atlas` instead of files.

    Examples
    --------
    .. code-block:: yaml

        fmri.atlas:
          type: neurogenomics_kb.datasets.AtlasDataset
          name: Schaefer-400
          filepath: atlases/Schaefer2018_400Parcels_7Networks_order_FSLMNI152_2mm.nii.gz
          labels: atlases/Schaefer2018_400Parcels_7Networks_order.txt
          space: MNI152NLin6Asym

    >>> AtlasDataset(name="Schaefer-400", fetch={"family": "schaefer"}).load()["name"]
    'Schaefer-400'
    """

    why = "atlases are published files"

    def __init__(
        self,
        *,
        name: str,
        filepath: str | list[str] | None = None,
        labels: str | list[str] | None = None,
        space: str = "",
        coordinates: str | None = None,
        fetch: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if [filepath, coordinates, fetch].count(None) != 2:
            raise DatasetError(f"atlas {name}: give one of filepath, coordinates and fetch")
        self._settings = {
            "name": name,
            "images": as_paths(filepath),
            "labels": as_paths(labels),
            "space": space,
            "coordinates": None if coordinates is None else Path(coordinates),
            "fetch": fetch,
        }
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Settings; files are there, voxels are not read."""
        for key, what in (("images", "atlas image"), ("labels", "table of labels")):
            for path in self._settings[key]:
                require_file(path, what)
        if self._settings["coordinates"] is not None:
            require_file(self._settings["coordinates"], "table of coordinates")
        return dict(self._settings)

    def _exists(self) -> bool:
        return all(path.is_file() for path in self._settings["images"])

    def _describe(self) -> dict[str, Any]:
        return {key: str(value) for key, value in self._settings.items() if value}


def as_paths(value: str | list[str] | None) -> list[Path]:
    """Nothing, one or several file names as paths."""
    names = [] if value is None else [value] if isinstance(value, str) else value
    return [Path(name) for name in names]
