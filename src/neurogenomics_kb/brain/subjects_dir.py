"""A FreeSurfer SUBJECTS_DIR: who is in it, and every subject's measures."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.morphometry import (
    ETIV,
    PROBLEM,
    absent_as_gaps,
    head_size,
    refuse_impossible,
)
from neurogenomics_kb.brain.region_names import one_name
from neurogenomics_kb.brain.stats_files import (
    HEMISPHERES,
    DamagedStats,
    Stats,
    euler_numbers,
    read_stats,
)
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT

logger = logging.getLogger(__name__)

WAVE = "wave_id"
VERSION = "freesurfer_version"
# Templates that FreeSurfer ships or links into every SUBJECTS_DIR.
SHIPPED = re.compile(r"(fsaverage.*|[lr]h\.EC_average|cvs_avg35.*|V1_average|bert)")
# sub-01, sub-01_ses-2, 1000123, UK Biobank's 1000123_20263_2_0 (the session is 2, the visit), and
# .long.<template> behind any of them.
FOLDER = (
    r"(?P<subject>sub-[^_.]+|\d+(?=_20263_)|.+?)"
    r"(?:_(?P<session>ses-[^_.]+)|_20263_(?P<visit>\d+)_\d+)?(?:_(?:run|acq|rec)-[^_.]+)*"
    r"(?:\.long\.(?P<template>.+))?"
)
# What UK Biobank's archives (bulk field 20263) unpack to, within or around the folders of people.
ARCHIVE = re.compile(r"freesurfer|20263", re.IGNORECASE)
ICV = ("eTIV", "ICV")
# Segmentations of the whole brain have one file, parcellations of the cortex one per hemisphere.
WHOLE = ("aseg", "wmparc", "brainvol")
Damaged = Literal["error", "exclude"]


@dataclass(frozen=True)
class Group:
    """One feature group: a measure of every region, or some measures of the header.

    Parameters
    ----------
    atlas : str
        ``aparc``, ``aparc.DKTatlas``, ``aparc.a2009s``, … (a file per hemisphere) or ``aseg``,
        ``wmparc`` (one file).
    measure : str, optional
        Column of the table: ``ThickAvg``, ``GrayVol``, ``SurfArea``, ``MeanCurv``, ``Volume_mm3``.
    header : tuple of str
        Header measures by short name: ``BrainSegVol``, ``SupraTentorialVol``, ``MeanThickness``.
    """

    atlas: str
    measure: str | None = None
    header: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.measure is None) == (not self.header):
            raise InputError(
                f"a group of atlas '{self.atlas}' needs either `measure` or `header`",
                remedy="Write {atlas: aparc, measure: ThickAvg} or {atlas: aseg, header: "
                "[BrainSegVol]}.",
            )

    @property
    def files(self) -> list[tuple[str, str]]:
        """Hemisphere ("" for both) and file name."""
        if self.atlas.startswith(WHOLE):
            return [("", f"{self.atlas}.stats")]
        return [(h, f"{h}.{self.atlas}.stats") for h in HEMISPHERES]


@dataclass(frozen=True)
class Folder:
    """A subject's folder and what its name says.

    Attributes
    ----------
    path : Path
        Holds ``stats``, if the subject is complete.
    name : str
        Name that tells subject and session, which need not be the last of the path.
    subject, session, template : str
    """

    path: Path
    name: str
    subject: str
    session: str | None
    template: str | None


def list_folders(
    directory: Path,
    *,
    pattern: str = FOLDER,
    stream: Literal["cross", "long"] = "cross",
    session: str | None = None,
) -> list[Folder]:
    """Folders of subjects, without shipped averages and longitudinal templates.

    Parameters
    ----------
    directory : Path
        Folder of the subjects.
    pattern : str
        Regular expression of the whole name, with the groups ``subject``, ``session`` (or
        ``visit``) and ``template`` (the latter two may be absent).
    stream : {"cross", "long"}
        Independently processed folders, or those of the longitudinal stream (``.long.``).
    session : str, optional
        Take this session (``ses-1``) only.

    Raises
    ------
    InputError
        If the directory is missing, a name does not fit, or no folder is left.
    """
    if not directory.is_dir():
        raise InputError(
            "the SUBJECTS_DIR is missing",
            file=directory,
            remedy="Put it there, or set the environment variable NGKB_<COHORT>_DIR to the "
            "cohort's folder.",
        )
    places = sorted(named_folders(directory))
    folders, odd = [], []
    for name, path in places:
        match = re.fullmatch(pattern, name)
        if match is None:
            odd.append(name)
            continue
        parts = match.groupdict()
        visit = parts.get("session") or parts.get("visit")
        folders.append(Folder(path, name, parts["subject"], visit, parts.get("template")))
    if odd:
        raise InputError(
            f"{len(odd)} folders do not fit the pattern of subjects, first '{odd[0]}'",
            file=directory,
            remedy="Move them away, or set `pattern` in the catalog entry.",
        )
    templates = {f.template for f in folders if f.template}
    wanted = [
        f
        for f in folders
        if (f.template is None) == (stream == "cross")
        and f.name not in templates
        and session in (None, f.session)
    ]
    if not wanted:
        what = " of the longitudinal stream" if stream == "long" else ""
        what += f" of session {session}" if session else ""
        packed = next(iter(sorted(directory.glob("*.zip"))), None) if not places else None
        raise InputError(
            f"there is no subject{what} among {len(places)} folders",
            file=directory,
            remedy=f"Unpack the archives ({packed.name}, …) into folders of their own names."
            if packed is not None
            else "Set filepath to the SUBJECTS_DIR, and check `stream` and `session`.",
        )
    return wanted


def named_folders(directory: Path) -> Iterator[tuple[str, Path]]:
    """Folders that hold ``stats``, and the name that says whose they are.

    Beside ``<subject>/stats`` these are ``<eid>_20263_2_0/FreeSurfer/stats``, as UK Biobank's
    archives unpack, and folders within a subject's, ``sub-01/ses-1/stats`` or
    ``<eid>/20263_2_0/FreeSurfer/stats``. A folder in which nothing is found stands for itself.
    """
    for place in folders_in(directory):
        if SHIPPED.fullmatch(place.name):
            continue
        whole = has_stats(place)
        if whole is not None:
            if ARCHIVE.fullmatch(place.name):
                raise InputError(
                    "the folder holds one person's stats and names nobody",
                    file=place,
                    remedy="Unpack every archive into a folder of its own name "
                    "(<eid>_20263_2_0/FreeSurfer/…).",
                )
            yield place.name, whole
            continue
        within = [(p.name, has_stats(p)) for p in folders_in(place)]
        found = [(name, path) for name, path in within if path is not None]
        if not found:
            yield place.name, place
        for name, path in found:
            told = ARCHIVE.fullmatch(place.name) or name.startswith(place.name)
            yield name if told else f"{place.name}_{name}", path


def folders_in(directory: Path) -> list[Path]:
    """Folders, hidden ones left out."""
    return sorted(p for p in directory.iterdir() if p.is_dir() and not p.name.startswith("."))


def has_stats(place: Path) -> Path | None:
    """The folder itself or its ``FreeSurfer``, whichever holds ``stats``; None if neither does."""
    for path in (place, place / "FreeSurfer", place / "freesurfer"):
        if (path / "stats").is_dir():
            return path
    return None


def read_subjects(
    directory: Path,
    groups: Mapping[str, Group],
    *,
    pattern: str = FOLDER,
    stream: Literal["cross", "long"] = "cross",
    session: str | None = None,
    release: str = "same",
    damaged: Damaged = "error",
    n_threads: int = 8,
) -> pd.DataFrame:
    """Measures of all subjects of a SUBJECTS_DIR.

    Parameters
    ----------
    directory : Path
        Folder of the subjects.
    groups : mapping of str to Group
        Feature group to what it is made of.
    pattern, stream, session
        See `list_folders`. With ``session="all"`` every session is a row of its own.
    release : str
        ``same``: all subjects must come from one FreeSurfer release; ``any``: releases may mix;
        else the release that is wanted (``7.3.2``), and subjects of others have a problem.
    damaged : {"error", "exclude"}
        Whether a file that is missing, cut off or of another atlas ends the run, or the subject
        stays as a row of gaps with a ``problem``.
    n_threads : int
        Folders read at a time; reading waits for the disk more than it computes.

    Returns
    -------
    DataFrame
        ``<group>__<region>`` in FreeSurfer's units, then ``etiv`` (mm³), ``euler_lh``,
        ``euler_rh`` (absent before FreeSurfer 6), ``freesurfer_version`` and ``problem`` ("" if
        there is none). Index ``subject_id``, with ``wave_id`` for all sessions. A region without
        vertices is a gap.

    Raises
    ------
    InputError
        If a subject has several folders, two subjects have the same values, releases mix, or, with
        ``damaged="error"``, a file cannot be used.
    """
    waves = session == "all"
    folders = list_folders(
        directory, pattern=pattern, stream=stream, session=None if waves else session
    )
    index = folder_index(folders, directory, waves=waves)
    with ThreadPoolExecutor(n_threads) as pool:
        rows = list(pool.map(lambda folder: read_folder(folder, groups, damaged), folders))
    problems = Counter(note[PROBLEM] for _, note in rows)
    if not problems[""]:
        reason, count = problems.most_common(1)[0]
        raise InputError(
            f"no subject can be used, most often for '{reason}'",
            file=directory,
            subjects=count,
            of=len(rows),
            remedy="Check the groups of the catalog entry against the files of one subject.",
        )
    columns = list(dict.fromkeys(name for values, _ in rows for name in values))
    order = {name: i for i, name in enumerate(groups)}
    columns.sort(key=lambda c: order.get(c.split(SEPARATOR)[0], len(order)))
    values = np.full((len(rows), len(columns)), np.nan)
    place = {name: j for j, name in enumerate(columns)}
    for i, (found, _) in enumerate(rows):
        values[i, [place[name] for name in found]] = list(found.values())
    table = pd.DataFrame(values, index=index, columns=columns)
    notes = pd.DataFrame([note for _, note in rows], index=index)
    holes = {"lhSurfaceHoles", "rhSurfaceHoles"}
    if holes <= set(table):
        table = pd.concat([table.drop(columns=list(holes)), euler_numbers(table)], axis=1)
    refuse_impossible(table, directory)
    table = absent_as_gaps(table, directory)
    if ETIV in table:
        table[ETIV] = head_size(table[ETIV], directory)
    table = pd.concat([table, notes], axis=1).sort_index()
    refuse_copies(table, directory)
    return check_releases(table, directory, release)


def folder_index(folders: list[Folder], directory: Path, *, waves: bool) -> pd.Index:
    """Row labels; a subject, or a subject's session, must have one folder.

    Raises
    ------
    InputError
    """
    if waves:
        unnamed = [f.name for f in folders if f.session is None]
        if unnamed:
            raise InputError(
                f"'{unnamed[0]}' names no session",
                file=directory,
                subjects=len(unnamed),
                of=len(folders),
                remedy="Leave out session: all, or set `pattern`.",
            )
        keys = [(f.subject, f.session) for f in folders]
        index = pd.MultiIndex.from_tuples(keys, names=[SUBJECT, WAVE])
    else:
        keys = [f.subject for f in folders]
        index = pd.Index(keys, name=SUBJECT, dtype=object)
    counts = Counter(keys)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        which = [f.name for f, key in zip(folders, keys, strict=True) if key == twice[0]]
        raise InputError(
            f"subjects have more than one folder, first {listing(which, 3)}",
            file=directory,
            subjects=len(twice),
            of=len(counts),
            remedy="Choose one with `session: ses-…`, take all with `session: all`, or set "
            "`pattern`.",
        )
    return index


def read_folder(
    folder: Folder, groups: Mapping[str, Group], damaged: Damaged
) -> tuple[dict[str, float], dict[str, str]]:
    """One subject's measures by column, and its release and problem."""
    try:
        if not (folder.path / "stats").is_dir():
            raise DamagedStats(
                "no stats folder",
                "there is no stats folder",
                file=folder.path,
                remedy="Finish recon-all for this subject, or set damaged: exclude to leave it "
                "out and count it.",
            )
        return collect(folder.path / "stats", groups)
    except DamagedStats as error:
        if damaged == "error":
            raise
        return {}, {VERSION: "", PROBLEM: error.reason}


def collect(folder: Path, groups: Mapping[str, Group]) -> tuple[dict[str, float], dict[str, str]]:
    """Measures of a ``stats`` folder, each file read once."""
    files: dict[str, Stats] = {}

    def get(name: str, atlas: str | None) -> Stats:
        if name not in files:
            files[name] = read_stats(folder / name, atlas)
        return files[name]

    values: dict[str, float] = {}
    for label, group in groups.items():
        for hemisphere, name in group.files:
            stats = get(name, group.atlas if hemisphere else None)
            found = (
                stats.column(group.measure, folder / name)
                if group.measure
                else pick(stats, group.header, folder / name)
            )
            prefix = f"{label}{SEPARATOR}{hemisphere}_" if hemisphere else f"{label}{SEPARATOR}"
            renamed = {f"{prefix}{one_name(region)}": value for region, value in found.items()}
            if len(renamed) < len(found):
                raise DamagedStats(
                    f"{name} is truncated or damaged",
                    f"{len(found) - len(renamed)} regions occur twice, under two spellings",
                    file=folder / name,
                    remedy="Write the file again (recon-all -parcstats, -segstats).",
                )
            values |= renamed
    # eTIV and surface holes come from aseg.stats, which every recon-all writes.
    if (folder / "aseg.stats").is_file():
        get("aseg.stats", None)
    for measure, column in [(name, "etiv") for name in ICV] + [
        (f"{h}SurfaceHoles", f"{h}SurfaceHoles") for h in HEMISPHERES
    ]:
        known = [s.measures[measure] for s in files.values() if measure in s.measures]
        if known:
            values.setdefault(column, known[0])
    for file, stats in files.items():
        if stats.unreadable:
            logger.warning(
                "%s: %d lines of the header hold no measure, first '%s'",
                folder / file, len(stats.unreadable), stats.unreadable[0][:60],
            )  # fmt: skip
    versions = dict.fromkeys(s.version for s in files.values() if s.version)
    return values, {VERSION: " + ".join(sorted(versions)), PROBLEM: ""}


def pick(stats: Stats, names: Iterable[str], file: Path) -> dict[str, float]:
    """Some measures of a header.

    Raises
    ------
    DamagedStats
        If one is not there.
    """
    for name in names:
        line = next((line for line in stats.unreadable if re.search(rf"\b{name}\b", line)), None)
        if name not in stats.measures and line is not None:
            raise DamagedStats(
                f"{file.name} is truncated or damaged",
                f"measure line '{line[:60]}' has no number",
                file=file,
                remedy="Write it again (recon-all -parcstats, -segstats), or set damaged: exclude "
                "to leave the subject out and count it.",
            )
        if name not in stats.measures:
            raise DamagedStats(
                f"{file.name} has no measure {name}",
                f"the header has no measure {name}; it has {listing(stats.measures, 30)}",
                file=file,
                remedy="Correct `header` of the catalog entry.",
            )
    return {name: stats.measures[name] for name in names}


def refuse_copies(table: pd.DataFrame, directory: Path) -> None:
    """Two people never have the same values everywhere: one folder is a copy of the other.

    Raises
    ------
    InputError
    """
    regional = table[[c for c in table if SEPARATOR in c]].dropna(how="all")
    if regional.shape[1] < 10:
        return
    same = regional.duplicated(keep=False)
    if same.any():
        first = regional[same]
        alike = first.index[(first == first.iloc[0]).sum(axis=1) == first.iloc[0].notna().sum()]
        raise InputError(
            f"folders of different subjects hold the same values, first {listing(alike, 3)}",
            file=directory,
            subjects=int(same.sum()),
            of=len(table),
            remedy="One is a copy of the other; find out whose it is and remove the other.",
        )


def check_releases(table: pd.DataFrame, directory: Path, release: str) -> pd.DataFrame:
    """Refuse a mix of releases, or mark the subjects of another release than is wanted.

    Raises
    ------
    InputError
    """
    known = table[VERSION] != ""
    counts = table.loc[known, VERSION].value_counts()
    if release == "same" and len(counts) > 1:
        shown = listing(f"{name} ({n})" for name, n in counts.items())
        raise InputError(
            f"the subjects come from different FreeSurfer releases: {shown}",
            file=directory,
            subjects=int(counts.iloc[1:].sum()),
            of=len(table),
            remedy="Process all with one; or set `release` to the one wanted, which leaves the "
            "others out and counts them, or to any.",
        )
    if release in ("same", "any"):
        return table
    if not counts.index.isin([release]).any():
        raise InputError(
            f"no subject comes from FreeSurfer {release}; the headers say {listing(counts.index)}",
            file=directory,
            remedy="Correct `release` of the catalog entry.",
        )
    other = known & (table[VERSION] != release)
    problem = table[PROBLEM].mask(other, "FreeSurfer " + table[VERSION] + f" instead of {release}")
    return table.assign(**{PROBLEM: problem})
