"""FreeSurfer subjects as ``recon-all`` leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd
from kedro.io import DatasetError

from neurogenomics_kb.brain.subjects_dir import FOLDER, Group, read_subjects
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset


class FreeSurferSubjectsDataset(ReadOnlyDataset[pd.DataFrame]):
    """A SUBJECTS_DIR as one table, subjects in rows.

    Its many parameters are what a catalog entry may state, each but the first two with a default.

    Parameters
    ----------
    filepath : str
        SUBJECTS_DIR, with ``<subject>/stats/*.stats``.
    groups : dict
        Feature group to ``{atlas, measure}`` (a column of the ``.stats`` table for every region)
        or ``{atlas, header}`` (measures of the header).
    session : str, optional
        ``ses-1`` takes that session, ``all`` makes every session a row.
    stream : {"cross", "long"}
        Independently processed folders, or those of the longitudinal stream.
    release : str
        ``same`` (releases must not mix), ``any``, or the release wanted; subjects of others are
        then left out and counted in the quality table.
    damaged : {"error", "exclude"}
        Whether an unusable subject ends the run or is left out and counted.
    pattern : str
        Regular expression of a folder's name with the groups ``subject`` and ``session``.
    n_threads : int
        Folders read at a time.

    Examples
    --------
    .. code-block:: yaml

        smri.freesurfer:
          type: neurogenomics_kb.datasets.FreeSurferSubjectsDataset
          filepath: ${cohort_dir:${globals:cohort}}/freesurfer
          groups:
            thickness: {atlas: aparc, measure: ThickAvg}
            volume: {atlas: aparc, measure: GrayVol}
            aseg_volume: {atlas: aseg, measure: Volume_mm3}
            brain_volume: {atlas: aseg, header: [BrainSegVolNotVent, SupraTentorialVol]}
          session: ses-1
          release: 7.3.2
          damaged: exclude

    >>> FreeSurferSubjectsDataset(
    ...     filepath="subjects", groups={"thickness": {"atlas": "aparc", "measure": "ThickAvg"}}
    ... ).exists()
    False
    """

    why = "recon-all writes subjects"

    def __init__(
        self,
        *,
        filepath: str,
        groups: dict[str, dict[str, Any]],
        session: str | None = None,
        stream: Literal["cross", "long"] = "cross",
        release: str = "same",
        damaged: Literal["error", "exclude"] = "error",
        pattern: str = FOLDER,
        n_threads: int = 8,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        for name, value, allowed in (
            ("stream", stream, ("cross", "long")),
            ("damaged", damaged, ("error", "exclude")),
        ):
            if value not in allowed:
                raise DatasetError(f"{name}: '{value}' is none of {', '.join(allowed)}")
        self._filepath = Path(filepath)
        for name, spec in groups.items():
            unknown = sorted(set(spec) - {"atlas", "measure", "header"})
            if unknown or "atlas" not in spec:
                raise DatasetError(
                    f"group '{name}' has {', '.join(spec)}; write atlas and measure, or atlas and "
                    "header"
                )
        self._groups = {
            name: Group(**{**spec, "header": tuple(spec.get("header", ()))})
            for name, spec in groups.items()
        }
        self._options = {
            "session": session,
            "stream": stream,
            "release": str(release),
            "damaged": damaged,
            "pattern": pattern,
            "n_threads": n_threads,
        }
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Columns ``<group>__<region>``, ``etiv``, Euler numbers, release and problem."""
        return read_subjects(self._filepath, self._groups, **self._options)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "groups": self._groups, **self._options}
