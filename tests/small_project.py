"""A folder in which the project's commands work, with links instead of copies."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
SERIES = ("timeseries/*_timeseries.tsv", "fmriprep/*_timeseries.tsv")


def link_project(folder: Path, subjects: int) -> Path:
    """Folder with the project's configuration, cards and code, and some of the demo cohort.

    Parameters
    ----------
    folder : Path
        Made; nothing in it is the project's own but links.
    subjects : int
        Subjects whose functional runs are there.
    """
    folder.mkdir(parents=True)
    for name in ("conf", "kb", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    # Kedro wants a folder of its own for the code; the commands run that of this checkout.
    (folder / "src").mkdir()
    raw, own = ROOT / "data/01_raw/demo", folder / "data/01_raw/demo"
    own.mkdir(parents=True)
    for entry in raw.iterdir():
        if entry.name not in ("timeseries", "fmriprep"):
            (own / entry.name).symlink_to(entry)
    for pattern in SERIES:
        (own / pattern).parent.mkdir()
        for file in sorted(raw.glob(pattern))[:subjects]:
            (own / pattern).parent.joinpath(file.name).symlink_to(file)
    return folder
