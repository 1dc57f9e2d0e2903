"""CSV tables of the ENIGMA protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.enigma import ID, enigma_table
from neurogenomics_kb.datasets.freesurfer import refuse_other_subjects
from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.measures import read_measures
from neurogenomics_kb.foundation.tables import GAPS


class EnigmaTablesDataset(ReadOnlyDataset[pd.DataFrame]):
    """ENIGMA's cortical and subcortical tables as one, under FreeSurfer's names.

    Parameters
    ----------
    filepath : str
        Folder of the tables.
    files : list of str
        ``CorticalMeasuresENIGMA_ThickAvg.csv``, ``CorticalMeasuresENIGMA_SurfAvg.csv``,
        ``LandRvolumes.csv``.

    Examples
    --------
    .. code-block:: yaml

        smri.freesurfer:
          type: neurogenomics_kb.datasets.EnigmaTablesDataset
          filepath: ${cohort_dir:${globals:cohort}}/enigma
          files: [CorticalMeasuresENIGMA_ThickAvg.csv, LandRvolumes.csv]

    >>> EnigmaTablesDataset(filepath="enigma", files=["LandRvolumes.csv"]).exists()
    False
    """

    def __init__(
        self, *, filepath: str, files: list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = Path(filepath)
        self._files = files
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Columns ``<group>__<region>`` and ``etiv`` (mm³), indexed by ``subject_id``."""
        frames: list[tuple[str, pd.DataFrame]] = []
        for file in self._files:
            path = require_file(self._filepath / file, "ENIGMA table")
            # Ids as text, or subject 0012 would become 12; x is the protocol's mark of a region
            # that failed the visual check.
            raw = read_measures(path, gaps=(*GAPS, "x", "X"), ids=ID)
            table = enigma_table(raw, file=str(path))
            refuse_other_subjects(frames, file, table)
            frames.append((file, table))
        merged = pd.concat([frame for _, frame in frames], axis=1)
        etiv = merged.pop("etiv") if "etiv" in merged else None
        if isinstance(etiv, pd.DataFrame):  # every table has its own copy
            differ = etiv.max(axis=1) > etiv.min(axis=1)
            if differ.any():
                raise InputError(
                    "the tables disagree about ICV",
                    file=self._filepath,
                    column="ICV",
                    subjects=int(differ.sum()),
                    of=len(etiv),
                    remedy="Write all tables from one FreeSurfer run.",
                )
            etiv = etiv.bfill(axis=1).iloc[:, 0]
        for column in merged.columns[merged.columns.duplicated()].unique():
            copies = merged[column].to_numpy(dtype=float)
            first = copies[:, :1]
            if not ((copies == first) | (np.isnan(copies) & np.isnan(first))).all():
                raise InputError(
                    "the tables disagree",
                    file=self._filepath,
                    column=str(column),
                    remedy="Write all tables from one FreeSurfer run.",
                )
        merged = merged.loc[:, ~merged.columns.duplicated()]
        return merged if etiv is None else merged.assign(etiv=etiv)

    def _exists(self) -> bool:
        return all((self._filepath / file).is_file() for file in self._files)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "files": self._files}
