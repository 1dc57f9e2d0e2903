"""Group tables as ``aparcstats2table`` and ``asegstats2table`` write them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from neurogenomics_kb.brain.stats_files import euler_numbers
from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT

HOLES = ("lhSurfaceHoles", "rhSurfaceHoles")
ETIV = ("EstimatedTotalIntraCranialVol", "eTIV")
# Whole-brain summaries that FreeSurfer appends to region columns.
SUMMARY = re.compile(
    r"MeanThickness|WhiteSurfArea|BrainSegVol|CortexVol|CorticalWhiteMatter|CerebralWhiteMatterVol"
    r"|SubCortGrayVol|TotalGrayVol|SupraTentorial|MaskVol|SurfaceHoles|VentricleChoroidVol"
)


class FreeSurferTablesDataset(AbstractDataset[dict[str, pd.DataFrame], pd.DataFrame]):
    """Several FreeSurfer group tables as one, subjects in rows.

    Parameters
    ----------
    filepath : str
        Folder of the tables.
    tables : dict of str to list of str
        Feature group to files, for instance ``thickness`` to the files of both hemispheres.

    Examples
    --------
    .. code-block:: yaml

        smri.freesurfer:
          type: neurogenomics_kb.datasets.FreeSurferTablesDataset
          filepath: data/01_raw/demo/freesurfer
          tables:
            thickness: [lh.aparc.thickness.tsv, rh.aparc.thickness.tsv]
            aseg_volume: [aseg.volume.tsv]

    >>> FreeSurferTablesDataset(filepath="stats", tables={"thickness": ["lh.tsv"]}).exists()
    False
    """

    def __init__(
        self,
        *,
        filepath: str,
        tables: dict[str, list[str]],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._tables = tables
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Columns ``<group>__<region>``, ``etiv`` (mm³) and Euler numbers, by ``subject_id``.

        Euler numbers come from the surface holes that ``asegstats2table`` writes since FreeSurfer
        6, and are absent where the tables have none.
        """
        frames: dict[str, pd.DataFrame] = {}
        etiv: pd.Series | None = None
        euler = pd.DataFrame()
        for group, files in self._tables.items():
            for file in files:
                table = read_table(self._filepath / file)
                refuse_other_subjects(frames, file, table)
                found = next((c for c in ETIV if c in table), None)
                if etiv is None and found is not None:
                    etiv = table[found]
                if euler.empty and set(HOLES) <= set(table):
                    euler = euler_numbers(table)
                regions = [c for c in table if c not in ETIV and not SUMMARY.search(c)]
                names = [f"{group}{SEPARATOR}{region_name(c, group)}" for c in regions]
                frames[file] = table[regions].set_axis(names, axis=1)
        merged = pd.concat(frames.values(), axis=1)
        repeated = merged.columns[merged.columns.duplicated()]
        if len(repeated):
            raise InputError(
                f"{len(repeated)} regions come from two files of one group, first {repeated[0]}",
                file=self._filepath,
                column=str(repeated[0]),
                remedy="List every file once in the catalog.",
            )
        if etiv is not None:
            merged = pd.concat([merged, etiv.rename("etiv")], axis=1)
        if not euler.empty:
            merged = pd.concat([merged, euler], axis=1)
        return merged.sort_index()

    def save(self, data: dict[str, pd.DataFrame]) -> None:
        """Write tables by file name; the index name becomes the header of the first column."""
        self._filepath.mkdir(parents=True, exist_ok=True)
        for file, table in data.items():
            table.to_csv(self._filepath / file, sep="\t", lineterminator="\n")

    def _exists(self) -> bool:
        return all((self._filepath / f).is_file() for files in self._tables.values() for f in files)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "tables": self._tables}


def read_table(path: Path) -> pd.DataFrame:
    """One group table, indexed by subject, all columns numeric.

    Raises
    ------
    InputError
        If it is missing, repeats a subject, or holds text where a number belongs.
    """
    require_file(path, "FreeSurfer table")
    header = pd.read_csv(path, sep="\t", nrows=0).columns
    # Read as text, or subject 0012 would become 12.
    table = pd.read_csv(path, sep="\t", dtype={header[0]: str}, na_values=["n/a"])
    table = table.set_index(header[0])
    table.index = table.index.str.strip().astype(object)
    table.index.name = SUBJECT
    repeated = table.index[table.index.duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"subjects occur more than once, first '{repeated[0]}'",
            file=path,
            subjects=len(repeated),
            of=len(table),
            remedy="Keep one row per subject.",
        )
    for column in table.columns[~table.dtypes.map(pd.api.types.is_numeric_dtype)]:
        wrong = pd.to_numeric(table[column], errors="coerce").isna() & table[column].notna()
        raise InputError(
            f"expected numbers, found {listing(repr(v) for v in table.loc[wrong, column][:3])}",
            file=path,
            column=column,
            subjects=int(wrong.sum()),
            of=len(table),
            remedy="Correct the values, or code missing ones as n/a.",
        )
    return table.astype(float)


def refuse_other_subjects(frames: dict[str, pd.DataFrame], file: str, table: pd.DataFrame) -> None:
    """Tables of one ``aparcstats2table`` run hold the same subjects; else something is mixed up."""
    if not frames:
        return
    first, reference = next(iter(frames.items()))
    odd = table.index.symmetric_difference(reference.index)
    if len(odd):
        raise InputError(
            f"does not hold the subjects of {first}: {listing(odd, 3)} in one of them only",
            file=file,
            subjects=len(odd),
            of=len(table.index.union(reference.index)),
            remedy="Write all tables from the same list of subjects.",
        )


def region_name(column: str, group: str) -> str:
    """Region without the measure that FreeSurfer appends to cortical columns."""
    measure = group.rsplit("_", 1)[-1]
    return column.removesuffix(f"_{measure}")
