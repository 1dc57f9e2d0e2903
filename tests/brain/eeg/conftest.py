from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="session")
def samples_dir() -> Path:
    """Folder with real EDF files, from the environment variable NGKB_FORMAT_SAMPLES_DIR."""
    named = os.environ.get("NGKB_FORMAT_SAMPLES_DIR")
    folder = Path(named) if named else ROOT.parent / "shared/data/format_samples"
    if not (folder / "eeg_biosemi_like.edf").is_file():
        pytest.skip("the sample files of MNE-Python are not here: set NGKB_FORMAT_SAMPLES_DIR")
    return folder
