"""Write a simulated cohort of children into a folder."""

from __future__ import annotations

import json
from pathlib import Path

from neurogenomics_kb.datasets import FreeSurferTablesDataset
from neurogenomics_kb.pipelines.simulation.folder import refuse_used
from neurogenomics_kb.simulate.children import CHANNELS, RATE, Children, ChildrenSettings
from neurogenomics_kb.simulate.children import simulate_children as simulate


def write_children(folder: Path, settings: ChildrenSettings) -> Children:
    """Write everything that the environment ``cha_dev`` reads.

    Parameters
    ----------
    folder : Path
        New or empty; people's data are never overwritten.
    settings : ChildrenSettings
        Size, seed and effects of the cohort.

    Raises
    ------
    InputError
        If the folder holds anything.
    """
    refuse_used(folder)
    cohort = simulate(settings)
    (folder / "phenotype").mkdir(parents=True)
    tables = {"participants.tsv": cohort.participants, "sessions.tsv": cohort.sessions}
    tables |= {f"phenotype/{name}": table for name, table in cohort.phenotypes.items()}
    for name, table in tables.items():
        table.to_csv(folder / name, sep="\t", na_rep="n/a", index=False, lineterminator="\n")
    FreeSurferTablesDataset(filepath=str(folder / "freesurfer"), tables={}).save(cohort.freesurfer)
    cohort.euler.to_csv(folder / "freesurfer/euler.tsv", sep="\t", index=False)
    write_recordings(folder, cohort)
    (folder / "truth.json").write_text(json.dumps(cohort.truth, indent=1) + "\n")
    return cohort


def write_recordings(folder: Path, cohort: Children) -> None:
    """Recordings in the layout of BIDS, with the sidecar that all share."""
    if not cohort.recordings:
        return
    import mne

    info = mne.create_info(CHANNELS, RATE, "eeg", verbose="error")
    sidecar = {"TaskName": "rest", "PowerLineFrequency": 60, "SamplingFrequency": RATE,
               "EEGReference": "average"}  # fmt: skip
    (folder / "task-rest_eeg.json").write_text(json.dumps(sidecar) + "\n")
    for (subject, session), signals in cohort.recordings.items():
        place = folder / subject / session / "eeg"
        place.mkdir(parents=True)
        raw = mne.io.RawArray(signals, info, verbose="error")
        raw.save(place / f"{subject}_{session}_task-rest_eeg.fif", verbose="error")
