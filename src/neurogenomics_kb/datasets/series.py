"""Tables of one subject each in a folder."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from neurogenomics_kb.foundation.wide import read_outside

Tables = Mapping[str, Callable[[], pd.DataFrame]]


class SubjectTablesDataset(AbstractDataset[Tables, Tables]):
    """A folder with one Parquet table per subject, made and read one at a time.

    Nobody may have a table: the folder is then there and empty.

    Parameters
    ----------
    filepath : str
        Folder; saving replaces what it holds.

    Examples
    --------
    .. code-block:: yaml

        fmri.parcels:
          type: neurogenomics_kb.datasets.SubjectTablesDataset
          filepath: data/02_intermediate/${globals:cohort}/fmri.parcels

    >>> SubjectTablesDataset(filepath="no/such/folder").exists()
    False
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Subject to a function that reads its table."""
        paths = sorted(self._filepath.glob("*.parquet"))
        return {path.stem: functools.partial(read_outside, path) for path in paths}

    def save(self, data: Tables) -> None:
        """Make and write the tables one after the other; the folder appears when all are done."""
        unfinished = self._filepath.with_name(self._filepath.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for subject, make in data.items():
            make().to_parquet(unfinished / f"{subject}.parquet")
        shutil.rmtree(self._filepath, ignore_errors=True)
        unfinished.rename(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
