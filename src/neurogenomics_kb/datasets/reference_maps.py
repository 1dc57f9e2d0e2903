"""Catalog entries of published maps of regions, and of regions on the spherical surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.measures import read_measures
from neurogenomics_kb.foundation.tables import require_columns


class ReferenceMapsDataset(ReadOnlyDataset[pd.DataFrame]):
    """A table with a row per region and a column per map.

    Parameters
    ----------
    filepath : str
        Columns ``region`` and one per map, numbers or gaps; tab or comma.

    Examples
    --------
    .. code-block:: yaml

        reporting.reference_maps:
          type: neurogenomics_kb.datasets.ReferenceMapsDataset
          filepath: maps/myelin_and_expression.csv
    """

    why = "reference maps are published files"

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Maps in columns, index of region names.

        Raises
        ------
        InputError
            If a region occurs twice, or there is no map, or a map holds text.
        """
        require_file(self._path, "table of reference maps")
        table = read_measures(self._path, ids=["region"])
        require_columns(table, ("region",), str(self._path))
        twice = table["region"][table["region"].duplicated(keep=False) | table["region"].isna()]
        if len(twice):
            raise InputError(
                f"regions without a name, or that occur twice: {listing(twice.dropna().unique())}",
                file=self._path,
                column="region",
                remedy="Give one row per region.",
            )
        maps = table.set_index("region")
        text = [c for c in maps if not pd.api.types.is_numeric_dtype(maps[c])]
        if text or maps.shape[1] == 0:
            raise InputError(
                "there is no map" if not text else "the map holds text",
                file=self._path,
                column=text[0] if text else None,
                remedy="Give a column of numbers for each map beside `region`.",
            )
        return maps

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class SphereDataset(ReadOnlyDataset[dict[str, Any]]):
    """Where regions lie on the spherical surface, for spins.

    Parameters
    ----------
    coordinates : str, optional
        Table of ``name, x, y, z`` on the sphere of each hemisphere.
    left, right : str, optional
        FreeSurfer annotations of fsaverage5 instead (``lh.aparc.annot``, ``rh.aparc.annot``).

    Examples
    --------
    .. code-block:: yaml

        reporting.sphere:
          type: neurogenomics_kb.datasets.SphereDataset
          left: fsaverage5/label/lh.aparc.annot
          right: fsaverage5/label/rh.aparc.annot

    >>> SphereDataset(left="lh.annot")
    Traceback (most recent call last):
    ...
    kedro.io.core.DatasetError: sphere: give either coordinates, or left and right annotations
    """

    why = "spherical surfaces are published files"

    def __init__(
        self,
        *,
        coordinates: str | None = None,
        left: str | None = None,
        right: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if (coordinates is None) != (left is not None and right is not None) or (
            coordinates is not None and (left is not None or right is not None)
        ):
            raise DatasetError("sphere: give either coordinates, or left and right annotations")
        named = {"coordinates": coordinates, "left": left, "right": right}
        self._settings = {k: None if v is None else Path(v) for k, v in named.items()}
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Settings; files are there and not read."""
        for key, path in self._settings.items():
            if path is not None:
                what = "table of coordinates" if key == "coordinates" else "annotation"
                require_file(path, what)
        return dict(self._settings)

    def _exists(self) -> bool:
        return all(path.is_file() for path in self._settings.values() if path is not None)

    def _describe(self) -> dict[str, Any]:
        return {key: str(value) for key, value in self._settings.items() if value}
