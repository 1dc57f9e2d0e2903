"""What tells the input of a computation on runs from another."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pandas as pd

from neurogenomics_kb.brain.image_content import content_of_image
from neurogenomics_kb.brain.series import read_series
from neurogenomics_kb.datasets.bids import BidsImage
from neurogenomics_kb.foundation.content import fingerprint_files
from neurogenomics_kb.pipelines.fmri import encoder_inputs

Loader = Callable[[], Any]
# What prepares an input: told by its arguments instead of by what it gives, which is to be saved.
PREPARE = (
    encoder_inputs.read_tensor,
    encoder_inputs.read_from,
    encoder_inputs.clean_run,
    encoder_inputs.confounds_from_start,
    read_series,
)


def content_of(load: Loader | None) -> Any:
    """What tells the content of a loader from another: values that `fingerprint` takes.

    Parameters
    ----------
    load : callable or None
        Gives a table or an image, or prepares what another one gives.
    """
    if load is None:
        return None
    if isinstance(load, BidsImage):
        files = [load.path, *([load.mask] if load.mask else [])]
        return [fingerprint_files(files), load.entities, load.sidecar, load.description]
    if isinstance(load, functools.partial) and load.func in PREPARE:
        parts = [content_of(each) if callable(each) else each for each in load.args]
        return [load.func.__qualname__, parts, load.keywords]
    loaded = load()
    return loaded if isinstance(loaded, pd.DataFrame) else content_of_image(loaded)
