"""FreeSurfer's ``.stats`` files: header measures and the table of regions.

Nibabel reads surfaces, annotations and morphometry files, not ``.stats``; the format is a commented
header and a table separated by blanks, written by ``mris_anatomical_stats`` and ``mri_segstats``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import read_text

HEMISPHERES = ("lh", "rh")
# Regions per hemisphere, and the one that is written last; a table that ends earlier is cut off.
# A region in the middle may be absent, since FreeSurfer leaves out labels without vertices.
ATLASES = {
    "aparc": (34, "insula"),
    "aparc.pial": (34, "insula"),
    "aparc.DKTatlas": (31, "insula"),
    "aparc.DKTatlas40": (31, "insula"),
    "aparc.DKTatlas.mapped": (31, "insula"),
    "aparc.a2009s": (74, "S_temporal_transverse"),
}
# The file that holds measures of the whole brain and no table, and its last measure.
MEASURES_ONLY, LAST_MEASURE = "brainvol.stats", "VentricleChoroidVol"
# "Measure Cortex, CortexVol Total cortical gray matter volume, 390925.975594, mm^3": FreeSurfer 6
# forgot a comma (freesurfer/freesurfer#675).
MEASURE = re.compile(r"Measure\s+[^,]+,\s*([^,\s]+),?\s+.*,\s*([^,]+?)\s*,\s*[^,]+")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?nan", re.IGNORECASE)
# Not regions of cortex, though older versions give them a row.
NOT_CORTEX = {"unknown", "Unknown", "corpuscallosum", "Medial_wall", "medialwall", "???"}
# What `mris_curvature_stats` says in lh.curv.stats, and how the header of a group table begins.
CURVATURE = "Curvature Calculation Type"
GROUP_TABLE = re.compile(r"(Measure:\w+|[lr]h\.[\w.]+)[\t,; ]\s*\S")
CVS = re.compile(r"\$?Id: (\S+?)\.c,v (\S+) (\d{4})")
# Before 7.0 a header names the source file; its year tells the releases apart.
CVS_RELEASE = {"2011": "5", "2012": "5", "2013": "5", "2014": "5", "2015": "6", "2016": "6"}


class DamagedStats(InputError):
    """A ``.stats`` file, or a subject's folder, that cannot be used; `reason` is the short form."""

    def __init__(self, reason: str, problem: str, *, file: Path, remedy: str) -> None:
        super().__init__(problem, file=file, remedy=remedy)
        self.reason = reason


@dataclass(frozen=True)
class Stats:
    """Content of a ``.stats`` file.

    Attributes
    ----------
    measures : dict of str to float
        Header measures by FreeSurfer's short name (``eTIV``, ``MeanThickness``, ``BrainSegVol``).
    unreadable : list of str
        Lines of the header that should hold a measure and do not.
    columns : list of str
        Columns of the table, ``StructName`` left out (``ThickAvg``, ``Volume_mm3``).
    rows : dict of str to list of str
        Region to its values, as text.
    version : str
        ``7.3.2`` as the header says it, ``6`` or ``5`` told by the year of the program; "" if the
        header is silent.
    atlas : str
        Annotation that the regions come from, without the hemisphere; "" for segmentations.
    """

    measures: dict[str, float]
    columns: list[str]
    rows: dict[str, list[str]]
    version: str
    atlas: str
    unreadable: list[str] = field(default_factory=list)

    def column(self, name: str, file: Path) -> dict[str, float]:
        """One measure of every region.

        Raises
        ------
        DamagedStats
            If the table has no such column, or a value is not a number.
        """
        if name not in self.columns:
            raise DamagedStats(
                f"{file.name} has no column {name}",
                f"there is no column; the table has {listing(self.columns, 12)}",
                file=file,
                remedy=f"Correct the measure '{name}' of the catalog entry.",
            )
        place = self.columns.index(name)
        values = {}
        for region, texts in self.rows.items():
            value = read_number(texts[place])
            if value is None:
                raise DamagedStats(
                    f"{file.name} holds text for a number",
                    f"{name} of {region} is {texts[place]!r}, not a number",
                    file=file,
                    remedy="Write the file again (recon-all -parcstats, -segstats).",
                )
            values[region] = value
        return values


def read_stats(path: Path, atlas: str | None = None) -> Stats:
    """Read a ``.stats`` file and check that it is whole.

    Parameters
    ----------
    path : Path
        ``lh.aparc.stats``, ``aseg.stats``, ``wmparc.stats``, …
    atlas : str, optional
        Annotation that the header must name (``aparc``, ``aparc.DKTatlas``, ``aparc.a2009s``).

    Raises
    ------
    DamagedStats
        If the file is missing, empty, cut off, or of another atlas.
    """
    try:
        text = read_text(path, "a stats file")
    except UnicodeDecodeError as error:
        raise DamagedStats(
            f"{path.name} is no text",
            f"byte {error.start + 1:,} is not UTF-8 text",
            file=path,
            remedy="Copy it again, or set damaged: exclude to leave the subject out and count it.",
        ) from None
    except OSError:
        raise DamagedStats(
            f"no {path.name}",
            "the stats file is missing",
            file=path,
            remedy="Finish recon-all for this subject, or set damaged: exclude to leave it out and "
            "count it.",
        ) from None
    header, rows = [], []
    for line in text.splitlines():
        if line.startswith("#"):
            header.append(line[1:].strip())
        elif line.strip():
            rows.append(line.split())
    measures, unreadable = header_measures(header)
    columns = next((h.split()[1:] for h in header if h.startswith("ColHeaders")), [])
    if path.name == MEASURES_ONLY and not columns and not rows:
        if LAST_MEASURE not in measures or not text.endswith("\n"):
            raise damaged(path, f"it ends before the measure {LAST_MEASURE}")
        return Stats(measures, [], {}, header_version(header), "", unreadable)
    refuse_other_kind(text, path)
    if "StructName" not in columns:
        raise damaged(path, "there is no line ColHeaders with StructName")
    if not text.endswith("\n"):
        raise damaged(path, "the last line is cut off")
    short = next((row for row in rows if len(row) != len(columns)), None)
    if short is not None:
        raise damaged(
            path, f"row '{' '.join(short)[:40]}' has {len(short)} of {len(columns)} columns"
        )
    name = columns.index("StructName")
    regions = {row[name]: row[:name] + row[name + 1 :] for row in rows}
    if len(regions) < len(rows):
        raise damaged(path, f"{len(rows) - len(regions)} regions occur twice")
    for region in NOT_CORTEX & regions.keys():
        del regions[region]
    stats = Stats(
        measures=measures,
        columns=columns[:name] + columns[name + 1 :],
        rows=regions,
        version=header_version(header),
        atlas=header_atlas(header),
        unreadable=unreadable,
    )
    check_atlas(stats, path, atlas)
    check_count(header, len(rows), stats, path, atlas)
    return stats


def refuse_other_kind(text: str, path: Path) -> None:
    """Refuse whole files of other programs for what they are, not as damaged.

    Raises
    ------
    DamagedStats
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise damaged(path, "it is empty")
    if CURVATURE in text:
        raise DamagedStats(
            f"{path.name} has no regions",
            "it holds curvatures of the whole surface (mris_curvature_stats) and no regions",
            file=path,
            remedy="For curvature by region take atlas aparc with the measure MeanCurv or "
            "GausCurv.",
        )
    if GROUP_TABLE.match(first):
        raise DamagedStats(
            f"{path.name} is a group table",
            "it is a table of subjects (aparcstats2table, asegstats2table), not of one subject's "
            "regions",
            file=path,
            remedy="Read it with a FreeSurferTablesDataset.",
        )


def check_atlas(stats: Stats, path: Path, atlas: str | None) -> None:
    """Refuse regions of another annotation than the file's name promises.

    Raises
    ------
    DamagedStats
    """
    if atlas is None or not stats.atlas or stats.atlas == atlas.removesuffix(".pial"):
        return
    raise DamagedStats(
        f"{path.name} is of atlas {stats.atlas}",
        f"the regions are those of '{stats.atlas}', not of '{atlas}'",
        file=path,
        remedy="Write the file from the annotation that its name says.",
    )


def check_count(
    header: list[str], n_rows: int, stats: Stats, path: Path, atlas: str | None
) -> None:
    """Refuse a table with fewer rows than its header or its atlas says.

    Raises
    ------
    DamagedStats
    """
    promised = next((h.split()[1] for h in header if h.startswith("NRows ")), None)
    if promised is not None and promised.isdigit() and int(promised) != n_rows:
        raise damaged(path, f"{n_rows} of {promised} rows are there")
    expected, last = ATLASES.get(atlas or stats.atlas, (1, None))
    if not stats.rows or (len(stats.rows) < expected and last not in stats.rows):
        raise damaged(path, f"{len(stats.rows)} of {expected} regions are there")


def damaged(path: Path, problem: str) -> DamagedStats:
    """Error for a file that is not whole."""
    return DamagedStats(
        f"{path.name} is truncated or damaged",
        f"the stats file is truncated or damaged: {problem}",
        file=path,
        remedy="Write it again (recon-all -parcstats, -segstats), or set damaged: exclude to leave "
        "the subject out and count it.",
    )


def read_number(text: str) -> float | None:
    """A number as FreeSurfer writes it, ``nan`` included; None for anything else."""
    return float(text) if NUMBER.fullmatch(text.strip()) else None


def header_measures(header: list[str]) -> tuple[dict[str, float], list[str]]:
    """Measures by short name, from lines ``Measure <name>, <short>, <text>, <value>, <unit>``.

    Returns
    -------
    measures : dict of str to float
        Without those whose line cannot be read.
    unreadable : list of str
        These lines: they cost a subject only if somebody asks for the measure. A measure that
        stands there twice with different values is among them.
    """
    measures: dict[str, float] = {}
    unreadable = []
    for line in header:
        if not line.startswith("Measure "):
            continue
        match = MEASURE.fullmatch(line)
        value = read_number(match.group(2)) if match else None
        if value is None or measures.get(match.group(1), value) != value:
            unreadable.append(line)
            continue
        measures[match.group(1)] = value
    for line in unreadable:
        for name in set(re.split(r"[\s,]+", line)[2:3]):
            measures.pop(name, None)
    return measures, unreadable


def header_version(header: list[str]) -> str:
    """Release that wrote the file, as far as its header tells."""
    text = next((h.split(maxsplit=1)[1] for h in header if h.startswith("cvs_version ")), "")
    match = CVS.search(text)
    if match:
        return CVS_RELEASE.get(match.group(3), f"{match.group(1)} {match.group(2)}")
    number = re.search(r"\d+(?:\.\d+)+", text)
    return number.group(0) if number else text.strip()


def header_atlas(header: list[str]) -> str:
    """Annotation named in the header, without folder, hemisphere and ending."""
    text = next((h.split(maxsplit=1)[1] for h in header if h.startswith("AnnotationFile ")), "")
    name = text.strip().rsplit("/", 1)[-1].removesuffix(".annot")
    return re.sub(r"^[lr]h\.", "", name)


def euler_numbers(holes: pd.DataFrame) -> pd.DataFrame:
    """Euler number of each hemisphere's surface before its defects were mended.

    A closed surface with h holes has the Euler number 2 − 2h; FreeSurfer 6 and later write the
    holes (``lhSurfaceHoles``, ``rhSurfaceHoles``) into ``aseg.stats``.

    Parameters
    ----------
    holes : DataFrame
        ``lhSurfaceHoles``, ``rhSurfaceHoles``.

    Returns
    -------
    DataFrame
        ``euler_lh``, ``euler_rh``.
    """
    return pd.DataFrame({f"euler_{h}": 2 - 2 * holes[f"{h}SurfaceHoles"] for h in HEMISPHERES})
