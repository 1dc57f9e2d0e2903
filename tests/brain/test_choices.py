"""A name that is not known is refused with the known ones, wherever something is chosen by name."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.confounds import ConfoundStrategy
from neurogenomics_kb.brain.connectivity import connectivity_features, unit_names
from neurogenomics_kb.brain.eeg.coupling import connect_regions
from neurogenomics_kb.brain.eeg.encoders import load_segment_encoder
from neurogenomics_kb.brain.eeg.spectra import Aperiodic, peak_frequency
from neurogenomics_kb.brain.encoders import load_brain_encoder
from neurogenomics_kb.brain.encoders.scaling import check_resampling, make_scaling
from neurogenomics_kb.brain.morphometry import surface_quality
from neurogenomics_kb.brain.pooling import pool
from neurogenomics_kb.brain.t1 import load_t1_encoder
from neurogenomics_kb.brain.t1.volumes import standardise
from neurogenomics_kb.brain.volumes import volume_tensor
from neurogenomics_kb.foundation.errors import InputError

SERIES = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=list("abc"))
IMAGE = nib.Nifti1Image(np.random.default_rng(0).normal(9, 1, (4, 4, 4, 5)), np.eye(4))
FREQUENCIES = np.linspace(1, 40, 79)
TABLES = pd.DataFrame({"etiv": [1.5e6]}, index=pd.Index(["s"], name="subject_id"))
EULER = pd.Series([-10.0], TABLES.index)

UNKNOWN = {
    "kind of connectivity": lambda: connectivity_features(SERIES, ["correlation"]),
    "names of units": lambda: unit_names("correlation", ["a", "b"]),
    "pooling": lambda: pool(np.ones((2, 3)), [0.1, 0.2], "median"),
    "tensor scaling": lambda: volume_tensor(IMAGE, scaling="zscore"),
    "background": lambda: volume_tensor(IMAGE, background="mean"),
    "T1 scaling": lambda: standardise(np.arange(8.0).reshape(2, 2, 2), "minmax", "x"),
    "alpha method": lambda: peak_frequency(
        FREQUENCIES, 1 / FREQUENCIES, Aperiodic(0.0, 1.0), method="maximum"
    ),
    "coupling": lambda: connect_regions(
        FREQUENCIES, np.ones((3, 2, 79), complex), np.array(["a", "b"]), {"x": (2, 4)}, ["pli"]
    ),
    "signals": lambda: ConfoundStrategy(signals=("motions",)),
    "motion": lambda: ConfoundStrategy(motion="24"),
    "compcor": lambda: ConfoundStrategy(compcor="anat"),
    "ica_aroma": lambda: ConfoundStrategy(ica_aroma="aggressive"),
    "series scaling": lambda: make_scaling("robust", None, 3, "model"),
    "resampling": lambda: check_resampling("cubic"),
    "missing_euler": lambda: surface_quality(TABLES, EULER, missing_euler="exclude"),
    "brain encoder": lambda: load_brain_encoder({"type": "brain_lm"}),
    "T1 encoder": lambda: load_t1_encoder({"type": "grid"}),
    "EEG encoder": lambda: load_segment_encoder({"type": "bandpower"}),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_unknown_names_are_refused_with_the_known_ones(what):
    with pytest.raises(InputError, match=r"Known|Choose|choose") as error:
        UNKNOWN[what]()
    assert "\n" not in str(error.value)


def test_known_names_are_given_and_near_ones_suggested():
    assert choose("a", {"a": 1, "b": 2}, "letter") == 1
    with pytest.raises(InputError, match=r"letter: there is no 'mena', did you mean 'mean'\?"):
        choose("mena", {"mean": 1, "inverse_fd": 2}, "letter")
