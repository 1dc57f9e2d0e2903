"""Folder of tables of people's vectors, one file per model card."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from neurogenomics_kb.datasets.people import read_people
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.wide import read_outside

FORMATS = (".parquet", ".tsv", ".csv", ".tsv.gz", ".csv.gz")


class VectorTablesDataset(ReadOnlyDataset[dict[str, Callable[[], pd.DataFrame]]]):
    """Embeddings of people that were made elsewhere, named after their model cards.

    Parameters
    ----------
    path : str
        Folder with ``me_llama.parquet``, ``titan.tsv``, …: one row per person, or person and wave,
        and the components ``d0``, ``d1``, ….

    Examples
    --------
    .. code-block:: yaml

        clinical.embeddings:
          type: neurogenomics_kb.datasets.VectorTablesDataset
          path: ${cohort_dir:${globals:cohort}}/clinical_embeddings
          metadata: {kedro-viz: {layer: raw, preview: false}}

    >>> VectorTablesDataset(path="nowhere").exists()
    False
    """

    why = "these embeddings were made elsewhere"

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Model card id to a function that reads its table; text stays text."""
        if not self._path.is_dir():
            raise InputError(
                "the folder of embeddings is missing",
                file=self._path,
                remedy="Put it there, or set the environment variable NGKB_<COHORT>_DIR to the "
                "cohort's folder.",
            )
        found: dict[str, Callable[[], pd.DataFrame]] = {}
        for file in sorted(self._path.iterdir()):
            ending = next((e for e in FORMATS if file.name.endswith(e)), None)
            if ending is None or file.name.startswith("."):
                continue
            name = file.name.removesuffix(ending)
            if name in found:
                raise InputError(
                    f"there are several tables of '{name}'",
                    file=self._path,
                    remedy="Keep one file per model card.",
                )
            found[name] = partial(read_vectors, file)
        return found

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}


def read_vectors(file: Path) -> pd.DataFrame:
    """A table of vectors as it stands, numbers of delimited files still as text.

    Parameters
    ----------
    file : Path
        Parquet, or delimited by tabs, commas or semicolons.

    Raises
    ------
    InputError
        If it cannot be read whole.
    """
    if file.suffix != ".parquet":
        return read_people(file, decode=False)
    try:
        table = read_outside(file)
    except InputError:
        raise
    except Exception as error:  # the library raises many kinds
        raise InputError(
            f"the table cannot be read ({' '.join(str(error).split())[:200]})",
            file=file,
            remedy="Write the file again.",
        ) from None
    # Ids that were saved as the index are a column like any other.
    return table if table.index.names == [None] else table.reset_index()
