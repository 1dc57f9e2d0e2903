"""Tables of tract means."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd
from kedro.io import DatasetError

from neurogenomics_kb.brain.diffusion import idp_tracts, long_tracts, wide_tracts
from neurogenomics_kb.datasets.freesurfer import refuse_listed_twice, refuse_other_subjects
from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.delimited import without_counters
from neurogenomics_kb.foundation.measures import read_measures

LAYOUTS = ("wide", "long", "idp")
ANALYSES = ("TBSS", "ProbtrackX")


class TractTablesDataset(ReadOnlyDataset[pd.DataFrame]):
    """Diffusion measures of tracts as one table, subjects in rows.

    Parameters
    ----------
    filepath : str
        Folder of the tables; for ``long`` and ``idp`` the file itself.
    layout : {"wide", "long", "idp"}
        ``wide``: a file per metric with a column per tract (ENIGMA-DTI's
        ``combinedROItable_FA.csv``). ``long``: a row per subject and tract (TractSeg, AutoTrack,
        pyAFQ). ``idp``: UK Biobank's names of imaging-derived phenotypes.
    tables : dict of str to str
        For ``wide``: metric to file.
    columns : dict
        For ``long``: what ``subject``, ``tract``, ``metric`` and ``value`` (or the list
        ``metrics``) are called.
    analysis : {"TBSS", "ProbtrackX"}
        For ``idp``.

    Notes
    -----
    Tables are separated by tabs, semicolons, commas or blanks.

    Examples
    --------
    .. code-block:: yaml

        dmri.tracts:
          type: neurogenomics_kb.datasets.TractTablesDataset
          filepath: ${cohort_dir:${globals:cohort}}/enigma_dti
          tables: {FA: combinedROItable_FA.csv, MD: combinedROItable_MD.csv}

    .. code-block:: yaml

        dmri.tracts:
          type: neurogenomics_kb.datasets.TractTablesDataset
          filepath: ${cohort_dir:${globals:cohort}}/afq/tract_profiles.csv
          layout: long
          columns: {subject: subjectID, tract: tractID, metrics: [dti_fa, dti_md]}

    >>> TractTablesDataset(filepath="dti", tables={"FA": "fa.csv"}).exists()
    False
    """

    def __init__(
        self,
        *,
        filepath: str,
        layout: Literal["wide", "long", "idp"] = "wide",
        tables: dict[str, str] | None = None,
        columns: dict[str, Any] | None = None,
        analysis: Literal["TBSS", "ProbtrackX"] = "TBSS",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if layout not in LAYOUTS:
            raise DatasetError(f"layout: '{layout}' is none of {', '.join(LAYOUTS)}")
        if analysis not in ANALYSES:
            raise DatasetError(f"analysis: '{analysis}' is none of {', '.join(ANALYSES)}")
        if (layout == "wide") != bool(tables):
            raise DatasetError("layout 'wide' and `tables` belong together")
        if (layout == "long") != bool(columns):
            raise DatasetError("layout 'long' and `columns` belong together")
        self._filepath = Path(filepath)
        self._layout = layout
        self._tables = tables or {}
        self._columns = columns or {}
        self._analysis = analysis
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Columns ``<metric>__<tract>``, indexed by ``subject_id``."""
        if self._layout == "long":
            table = self._read(self._filepath, self._columns["subject"])
            return long_tracts(table, self._columns, file=str(self._filepath))
        if self._layout == "idp":
            table = self._read(self._filepath)
            return idp_tracts(table, self._analysis, file=str(self._filepath))
        refuse_listed_twice("tracts", [*self._tables.values()], self._filepath)
        frames: list[tuple[str, pd.DataFrame]] = []
        for metric, file in self._tables.items():
            path = self._filepath / file
            raw = self._read(path)
            raw = without_counters(raw, raw.columns[:1], measures=True, file=path)
            table = wide_tracts(raw, metric, file=str(path))
            refuse_other_subjects(frames, file, table)
            frames.append((file, table))
        return pd.concat([frame for _, frame in frames], axis=1)

    def _read(self, path: Path, ids: str | None = None) -> pd.DataFrame:
        require_file(path, "table of tracts")
        # Ids as text, or subject 0012 would become 12.
        return read_measures(path, ids=None if ids is None else [ids])

    def _exists(self) -> bool:
        if self._layout != "wide":
            return self._filepath.is_file()
        return all((self._filepath / file).is_file() for file in self._tables.values())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "layout": self._layout}
