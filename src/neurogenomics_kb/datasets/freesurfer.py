"""Group tables as ``aparcstats2table`` and ``asegstats2table`` write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from neurogenomics_kb.brain.morphometry import absent_as_gaps, head_size, refuse_impossible
from neurogenomics_kb.brain.region_names import one_name
from neurogenomics_kb.brain.stats_files import euler_numbers
from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.foundation.delimited import without_counters
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.measures import read_measures
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT
from neurogenomics_kb.foundation.tables import require_finite_numbers, take_ids

# What `aparcstats2table` appends to the names of cortical regions.
MEASURES = (
    "thickness", "thicknessstd", "volume", "area", "meancurv", "gauscurv", "foldind", "curvind",
)  # fmt: skip
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

        Regions have one name over FreeSurfer's releases. A 0 of a region that everybody has is a
        gap: ``aparcstats2table`` writes it where a subject lacks the region.

        Euler numbers come from the surface holes that ``asegstats2table`` writes since FreeSurfer
        6, and are absent where the tables have none.
        """
        frames: list[tuple[str, pd.DataFrame]] = []
        etiv: pd.Series | None = None
        euler = pd.DataFrame()
        for group, files in self._tables.items():
            refuse_listed_twice(group, files, self._filepath)
            for file in files:
                table = read_table(self._filepath / file)
                refuse_other_subjects(frames, file, table)
                found = next((c for c in ETIV if c in table), None)
                if etiv is None and found is not None:
                    etiv = head_size(table[found], self._filepath / file)
                if euler.empty and set(HOLES) <= set(table):
                    euler = euler_numbers(table)
                regions = [c for c in table if c not in ETIV and not SUMMARY.search(c)]
                _refuse_other_measure(regions, group, self._filepath / file)
                names = [f"{group}{SEPARATOR}{_region_name(c, group)}" for c in regions]
                frame = join_spellings(table[regions], names, self._filepath / file)
                refuse_impossible(frame, self._filepath / file)
                frames.append((file, frame))
        merged = pd.concat([frame for _, frame in frames], axis=1)
        repeated = merged.columns[merged.columns.duplicated()]
        if len(repeated):
            raise InputError(
                f"{len(repeated)} regions come from two files of one group, first {repeated[0]}",
                file=self._filepath,
                column=str(repeated[0]),
                remedy="List every file once in the catalog.",
            )
        merged = absent_as_gaps(merged, self._filepath)
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
        If it is missing, cut off, repeats a subject or a column, or holds text where a number
        belongs.
    """
    require_file(path, "FreeSurfer table")
    table = read_measures(path)
    table = without_counters(table, table.columns[:1], measures=True, file=path)
    # `ls -d */` leaves a slash behind every name of a folder.
    ids = table.iloc[:, 0].astype(object).map(lambda cell: cell.rstrip("/"), na_action="ignore")
    index = take_ids(ids, path).rename(SUBJECT)
    columns = {c: require_finite_numbers(table[c], path, str(c)) for c in table.columns[1:]}
    return pd.DataFrame(columns, copy=False).set_axis(index, axis=0)


def refuse_listed_twice(group: str, files: Sequence[str], folder: Path) -> None:
    """Refuse a group that names one file twice, since another one is then missing.

    Raises
    ------
    InputError
    """
    twice = sorted(file for file, count in Counter(files).items() if count > 1)
    if twice:
        raise InputError(
            f"the group '{group}' lists {twice[0]} twice",
            file=folder,
            remedy="List every file once in the catalog; another hemisphere or measure is meant.",
        )


def _refuse_other_measure(regions: list[str], group: str, file: Path) -> None:
    """Refuse regions whose names end in another measure than the group's name.

    Raises
    ------
    InputError
    """
    measure = group.rsplit("_", 1)[-1]
    others = [c for c in regions if c.rsplit("_", 1)[-1] in MEASURES and "_" in c]
    odd = [c for c in others if not c.endswith(f"_{measure}")]
    if measure in MEASURES and odd:
        raise InputError(
            f"{len(odd)} columns are of {odd[0].rsplit('_', 1)[-1]}, and the catalog reads the "
            f"table as '{group}'",
            file=file,
            column=odd[0],
            remedy="Correct `tables` of the catalog entry.",
        )


def join_spellings(table: pd.DataFrame, names: list[str], file: Path) -> pd.DataFrame:
    """Regions under one name, also where a table has two spellings of one region.

    Tables of two releases that were put together have ``G&S_frontomargin`` for some people and
    ``G_and_S_frontomargin`` for the others.

    Raises
    ------
    InputError
        If a subject has values under both spellings.
    """
    if len(set(names)) == len(names):
        return table.set_axis(names, axis=1)
    joined = {}
    for name in dict.fromkeys(names):
        columns = [c for c, n in zip(table, names, strict=True) if n == name]
        values = table[columns]
        # 0 is what stands for a region that a release does not know, see `absent_as_gaps`.
        values = values.where(values != 0) if len(columns) > 1 else values
        both = values.notna().sum(axis=1) > 1
        if both.any():
            raise InputError(
                f"{listing(columns)} are spellings of one region, and subjects have values of each",
                file=file,
                column=columns[0],
                subjects=int(both.sum()),
                of=len(table),
                remedy="Keep the column that is right.",
            )
        joined[name] = values.bfill(axis=1).iloc[:, 0]
    return pd.DataFrame(joined, index=table.index)


def refuse_other_subjects(
    frames: Sequence[tuple[str, pd.DataFrame]], file: str, table: pd.DataFrame
) -> None:
    """Tables of one ``aparcstats2table`` run hold the same subjects; else something is mixed up."""
    if not frames:
        return
    first, reference = frames[0]
    odd = table.index.symmetric_difference(reference.index)
    if len(odd):
        raise InputError(
            f"does not hold the subjects of {first}: {listing(odd, 3)} in one of them only",
            file=file,
            subjects=len(odd),
            of=len(table.index.union(reference.index)),
            remedy="Write all tables from the same list of subjects.",
        )


def _region_name(column: str, group: str) -> str:
    """Region without the measure that FreeSurfer appends to cortical columns.

    Examples
    --------
    >>> _region_name("lh_G&S_frontomargin_thickness", "destrieux_thickness")
    'lh_G_and_S_frontomargin'
    """
    measure = group.rsplit("_", 1)[-1]
    return one_name(column.removesuffix(f"_{measure}"))
