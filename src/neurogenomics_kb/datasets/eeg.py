"""EEG recordings of a BIDS folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurogenomics_kb.brain.eeg.recordings import Recording, find_recordings
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset


class EegRecordingsDataset(ReadOnlyDataset[list[Recording]]):
    """Recordings below a BIDS folder, listed and not opened.

    Files are ``sub-*/[ses-*/]eeg/*_eeg`` with an extension of
    `neurogenomics_kb.brain.eeg.formats.FORMATS`: edf, bdf, vhdr, set, fif.

    Parameters
    ----------
    filepath : str
        The BIDS folder.
    task : str, optional
        Task of the recordings to take (``rest``); needed where there are several.

    Examples
    --------
    .. code-block:: yaml

        eeg.recordings:
          type: neurogenomics_kb.datasets.EegRecordingsDataset
          filepath: data/01_raw/cha_dev
          task: rest

    >>> EegRecordingsDataset(filepath="bids", task="rest").exists()
    False
    """

    def __init__(
        self, *, filepath: str, task: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        # Not `_filepath`: the folder may hold all modalities, whose bytes are not this entry's.
        self._root = Path(filepath)
        self._task = task
        self.metadata = metadata

    def load(self) -> list[Recording]:
        """Recordings, sorted by name."""
        return find_recordings(self._root, task=self._task)

    @property
    def choices(self) -> str:
        """What decides the result, for the fingerprint of a run.

        Gigabytes are told apart by size and time of change, not by content.
        """
        files = {p for each in self.load() for p in each.path.parent.iterdir()}
        files |= set(self._root.glob("*.json"))
        lines = [str(self._task)]
        for file in sorted(files):
            # The link itself where data were not fetched, as DataLad leaves it.
            stat = file.stat() if file.exists() else file.lstat()
            lines.append(f"{file.relative_to(self._root)} {stat.st_size} {stat.st_mtime_ns}")
        return "\n".join(lines)

    def _exists(self) -> bool:
        return any(self._root.glob("sub-*/eeg")) or any(self._root.glob("sub-*/ses-*/eeg"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._root), "task": self._task}
