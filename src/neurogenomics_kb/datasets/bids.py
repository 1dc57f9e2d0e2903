"""Images and confounds in a BIDS derivative folder, as fMRIPrep writes it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from neurogenomics_kb.datasets.imaging import NiftiDataset
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import read_json
from neurogenomics_kb.foundation.measures import read_run

# Labels such as CC-001, which BIDS does not allow, occur.
_ENTITY = re.compile(r"^([a-z]+)-(.+)$")


@dataclass(frozen=True)
class BidsImage:
    """One image and what stands beside it.

    Attributes
    ----------
    path : Path
    entities : dict of str to str
        ``sub``, ``task``, ``space``, ``desc`` and so on, from the file name.
    sidecar : dict
        The image's own JSON; empty where there is none.
    description : dict
        ``dataset_description.json`` of the folder; empty where there is none.
    mask : Path or None
        Brain mask of the same space, where there is one.
    """

    path: Path
    entities: dict[str, str]
    sidecar: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    mask: Path | None = None

    def __call__(self) -> Any:
        """The image; voxels are not read yet."""
        return NiftiDataset(filepath=str(self.path)).load()


class BidsImagesDataset(ReadOnlyDataset[dict[str, BidsImage]]):
    """One image per subject of a derivative folder.

    Parameters
    ----------
    filepath : str
        The derivative's folder.
    entities : dict of str to str
        What the file name must say: ``{task: rest, space: MNI152NLin2009cAsym, desc: preproc}``.
    suffix : str
        Ending of the file names. Default bold.
    extension : str
        Ending of the files. Default .nii.gz.

    Examples
    --------
    .. code-block:: yaml

        fmri.volumes:
          type: neurogenomics_kb.datasets.BidsImagesDataset
          filepath: ${cohort_dir:${globals:cohort}}/derivatives/fmriprep
          entities: {task: rest, space: MNI152NLin2009cAsym, desc: preproc}

    >>> BidsImagesDataset(filepath="derivatives", entities={"task": "rest"}).exists()
    False
    """

    why = "a derivative is written by the program that made it"

    def __init__(
        self,
        *,
        filepath: str,
        entities: dict[str, str],
        suffix: str = "bold",
        extension: str = ".nii.gz",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._entities = {key: str(value) for key, value in entities.items()}
        self._suffix, self._extension = suffix, extension
        self.metadata = metadata

    def load(self) -> dict[str, BidsImage]:
        """Subject (``sub-<label>``) to image; no voxel is read."""
        found = _find_files(self._filepath, self._suffix, self._extension, self._entities)
        description = _read_json(self._filepath / "dataset_description.json")
        return {
            subject: BidsImage(
                path=path,
                entities=entities_of(path),
                sidecar=_read_json(Path(str(path).removesuffix(self._extension) + ".json")),
                description=description,
                mask=_mask_of(path, self._suffix, self._extension),
            )
            for subject, path in found.items()
        }

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "entities": self._entities}


class BidsTablesDataset(ReadOnlyDataset[dict[str, Any]]):
    """One table per subject of a derivative folder, such as XCP-D's parcel time series.

    The table's JSON is put into ``attrs["metadata"]``.

    Parameters
    ----------
    filepath : str
        The derivative's folder.
    entities : dict of str to str
        What the file name must say, for instance ``{task: rest, seg: 4S456Parcels}``.
    suffix : str
        Ending of the file names. Default timeseries.

    Examples
    --------
    .. code-block:: yaml

        fmri.timeseries:
          type: neurogenomics_kb.datasets.BidsTablesDataset
          filepath: ${cohort_dir:${globals:cohort}}/derivatives/xcp_d
          entities: {task: rest, seg: 4S456Parcels, stat: mean}

    >>> BidsTablesDataset(filepath="derivatives", entities={"task": "rest"}).exists()
    False
    """

    why = "a derivative is written by the program that made it"

    def __init__(
        self,
        *,
        filepath: str,
        entities: dict[str, str],
        suffix: str = "timeseries",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._entities = {key: str(value) for key, value in entities.items()}
        self._suffix = suffix
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Subject (``sub-<label>``) to a function that reads its table."""
        found = _find_files(self._filepath, self._suffix, ".tsv", self._entities)
        return {s: functools.partial(read_table, path) for s, path in found.items()}

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "entities": self._entities}


class BidsConfoundsDataset(BidsTablesDataset):
    """One confounds table of fMRIPrep per subject, with the JSON that CompCor needs.

    Parameters
    ----------
    filepath : str
        The derivative's folder.
    entities : dict of str to str
        What the file name must say beside ``desc-confounds``, for instance ``{task: rest}``.
    suffix : str
        ``timeseries``, or ``regressors`` before fMRIPrep 20.2.

    Examples
    --------
    .. code-block:: yaml

        fmri.confounds:
          type: neurogenomics_kb.datasets.BidsConfoundsDataset
          filepath: ${cohort_dir:${globals:cohort}}/derivatives/fmriprep
          entities: {task: rest}

    >>> BidsConfoundsDataset(filepath="derivatives", entities={"task": "rest"}).exists()
    False
    """

    def __init__(self, *, entities: dict[str, str], **options: Any) -> None:
        super().__init__(entities={**entities, "desc": "confounds"}, **options)


def read_table(path: Path) -> pd.DataFrame:
    """Table of one run, with its JSON in ``attrs["metadata"]``.

    Columns without a name are left out, and blanks around names cut off.

    Parameters
    ----------
    path : Path
        File or folder to read.

    Raises
    ------
    InputError
        If it is missing, no UTF-8 text, empty, a row has more or fewer cells than the header, or
        two columns have one name.
    """
    path = Path(path)
    table = read_run(path)
    metadata = _read_json(path.with_suffix(".json"))
    if metadata:
        table.attrs["metadata"] = metadata
    return table


def _read_json(path: Path) -> dict[str, Any]:
    """Content of a JSON file, or nothing where there is no file.

    Raises
    ------
    InputError
        If it is no JSON object.
    """
    if not path.is_file():
        return {}
    try:
        content = read_json(path, "a sidecar", encoding="utf-8-sig")
    except ValueError as error:
        content = error
    if not isinstance(content, dict):
        raise InputError(
            f"the file holds no JSON object ({content})",
            file=path,
            remedy="Write it again with the program that made the derivative.",
        )
    return content


def entities_of(path: str | Path) -> dict[str, str]:
    """Entities in a BIDS file name."""
    parts = [_ENTITY.match(part) for part in Path(path).name.split(".")[0].split("_")[:-1]]
    return {part.group(1): part.group(2) for part in parts if part}


def _mask_of(path: Path, suffix: str, extension: str) -> Path | None:
    """Brain mask that fMRIPrep writes beside an image."""
    stem = re.sub(r"_desc-[A-Za-z0-9+]+", "", path.name.removesuffix(f"_{suffix}{extension}"))
    mask = path.with_name(f"{stem}_desc-brain_mask{extension}")
    return mask if mask.is_file() else None


def _find_files(
    folder: Path, suffix: str, extension: str, entities: dict[str, str]
) -> dict[str, Path]:
    """Subject to the one file that has the suffix and the entities.

    Raises
    ------
    InputError
        If the folder is missing, no file fits, or several of one subject do.
    """
    if not folder.is_dir():
        raise InputError(
            "the derivative's folder is missing",
            file=folder,
            remedy="Put it there, or set the environment variable NGKB_<COHORT>_DIR to the "
            "cohort's folder.",
        )
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob(f"sub-*_{suffix}{extension}")):
        has = entities_of(path)
        if all(has.get(key) == value for key, value in entities.items()):
            found.setdefault(f"sub-{has['sub']}", []).append(path)
    told = ", ".join(f"{key}-{value}" for key, value in entities.items())
    if not found:
        raise InputError(
            f"there is no file sub-*_{suffix}{extension} with {told}",
            file=folder,
            remedy="Correct `entities` of the catalog entry.",
        )
    several = [subject for subject, paths in found.items() if len(paths) > 1]
    if several:
        raise InputError(
            f"{listing(several, 3)} have several files with {told}, for instance "
            f"{listing((path.name for path in found[several[0]]), 2)}",
            file=folder,
            subjects=len(several),
            of=len(found),
            remedy="Add the entity that tells them apart (ses, run, space) to the catalog entry.",
        )
    return {subject: paths[0] for subject, paths in found.items()}
