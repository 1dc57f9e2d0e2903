"""Nuisance signals and censored frames of a functional run, from fMRIPrep's confounds table."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from uuid import uuid4

import numpy as np
import pandas as pd
from nilearn.interfaces.fmriprep import load_confounds
from nilearn.interfaces.fmriprep.load_confounds import CompcorType, ConfoundModel

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.tables import (
    require_columns,
    require_finite_numbers,
    require_numbers,
)

SIGNALS = ("motion", "wm_csf", "global_signal", "high_pass", "compcor", "ica_aroma")
MODELS = get_args(ConfoundModel)
COMPCOR = get_args(CompcorType)
AROMA = ("full", "basic")
FD, DVARS = "framewise_displacement", "std_dvars"
# Key of `DataFrame.attrs` with the confounds table's own JSON, which CompCor needs.
METADATA = "metadata"


@dataclass(frozen=True)
class ConfoundStrategy:
    """Which nuisance signals are regressed out, in the words of `nilearn.interfaces.fmriprep`.

    Attributes
    ----------
    signals : tuple of str
        Of ``motion``, ``wm_csf``, ``global_signal``, ``high_pass`` (fMRIPrep's cosines),
        ``compcor`` (needs ``high_pass``), ``ica_aroma``.
    motion : {"basic", "derivatives", "power2", "full"}
        6 parameters; with derivatives or squares 12; with both 24 (Satterthwaite et al.,
        NeuroImage 2013).
    wm_csf, global_signal : {"basic", "derivatives", "power2", "full"}
    compcor : str
        ``anat_combined``, ``anat_separated``, ``temporal``, or a combination.
    n_compcor : int or None
        Components per mask; None takes all that fMRIPrep kept.
    ica_aroma : {"full", "basic"}
        ``full``: the image is denoised already (``desc-smoothAROMAnonaggr``), nothing is regressed
        out; ``basic``: the noise components are regressed out here (aggressive).
    """

    signals: tuple[str, ...] = ("motion", "wm_csf")
    motion: str = "full"
    wm_csf: str = "basic"
    global_signal: str = "basic"
    compcor: str = "anat_combined"
    n_compcor: int | None = None
    ica_aroma: str = "full"

    def __post_init__(self) -> None:
        chosen = [("signals", SIGNALS, signal) for signal in self.signals]
        chosen += [(name, MODELS, getattr(self, name)) for name in ("motion", "wm_csf")]
        chosen += [
            ("global_signal", MODELS, self.global_signal),
            ("compcor", COMPCOR, self.compcor),
            ("ica_aroma", AROMA, self.ica_aroma),
        ]
        for what, known, name in chosen:
            choose(name, dict.fromkeys(known), what)


def select_regressors(
    table: pd.DataFrame,
    strategy: ConfoundStrategy,
    *,
    metadata: Mapping | None = None,
    subject: str = "",
) -> pd.DataFrame:
    """Columns of a confounds table that a strategy regresses out.

    The selection is `nilearn.interfaces.fmriprep.load_confounds`, which knows the names of fMRIPrep
    from 1.2 on. A first frame that is n/a (derivatives) takes the second's value. Frames are
    neither dropped nor demeaned here: see `Censoring`.

    Parameters
    ----------
    table : DataFrame, shape (n_frames, n_columns)
        fMRIPrep's confounds of one run.
    strategy : ConfoundStrategy
        Which regressors are taken.
    metadata : mapping, optional
        The table's JSON, for CompCor; otherwise ``table.attrs["metadata"]``.
    subject : str
        Whose table it is, for messages.

    Returns
    -------
    DataFrame, shape (n_frames, n_regressors)
        Possibly without columns.

    Raises
    ------
    InputError
        If the table has not the columns, is of fMRIPrep before 1.2, or CompCor lacks its JSON.
    """
    file = f"confounds of {subject}"
    if not strategy.signals:
        return pd.DataFrame(index=table.index)
    metadata = table.attrs.get(METADATA) if metadata is None else metadata
    if "compcor" in strategy.signals and not metadata:
        raise InputError(
            "CompCor needs the JSON beside the table, which says from which mask a component is",
            file=file,
            remedy="Put desc-confounds_timeseries.json there, or take compcor out of the signals.",
        )
    if "high_pass" in strategy.signals and not any(c.startswith("cosine") for c in table):
        raise InputError(
            "there is no cosine column",
            file=file,
            column="cosine00",
            remedy="Take high_pass out of the signals and filter instead.",
        )
    # nilearn reads files that lie as fMRIPrep wrote them; the tables may come from elsewhere.
    noise = table.filter(regex="^(?!non_steady_state|motion_outlier)")
    aroma = "ica_aroma" in strategy.signals and strategy.ica_aroma == "full"
    with _folder_of_digits() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stem = Path(folder) / "sub-0_task-0_desc"
        noise.to_csv(f"{stem}-confounds_timeseries.tsv", sep="\t", na_rep="n/a", index=False)
        Path(f"{stem}-confounds_timeseries.json").write_text(json.dumps(metadata or {}))
        try:
            chosen, _ = load_confounds(
                f"{stem}-{'smoothAROMAnonaggr' if aroma else 'preproc'}_bold.nii.gz",
                strategy=strategy.signals,
                motion=strategy.motion,
                wm_csf=strategy.wm_csf,
                global_signal=strategy.global_signal,
                compcor=strategy.compcor,
                n_compcor="all" if strategy.n_compcor is None else strategy.n_compcor,
                ica_aroma=strategy.ica_aroma,
                demean=False,
            )
        except (ValueError, KeyError) as error:
            raise InputError(
                f"the signals {listing(strategy.signals)} cannot be taken from it: "
                f"{str(error).replace(folder, '')}",
                file=file,
                remedy="Regress other signals out, or run fMRIPrep 1.2 or later with them.",
            ) from None
    if chosen is None or chosen.empty:
        return pd.DataFrame(index=table.index)
    return chosen.set_axis(table.index)


@contextmanager
def _folder_of_digits() -> Iterator[str]:
    """A folder for a moment, without letters beyond f in its name.

    Nilearn finds the description beside a table by writing "json" for "tsv" in the whole path, and
    one in some ten thousand random names holds those three letters.
    """
    folder = Path(tempfile.gettempdir()) / f"ngkb-{uuid4().hex}"
    folder.mkdir(mode=0o700)
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Censoring:
    """Which frames do not count.

    Attributes
    ----------
    drop_initial : int
        Frames dropped at the start, before the magnetisation is steady.
    non_steady_state : bool
        Drop also the frames that fMRIPrep flags as non-steady-state.
    max_fd : float or None
        Frames with a larger framewise displacement (mm; Power et al., NeuroImage 2012) are
        censored.
    max_std_dvars : float or None
        Likewise for standardised DVARS.
    min_contiguous : int
        Stretches of fewer kept frames are censored as well (Power et al., NeuroImage 2014, use 5).
    """

    drop_initial: int = 0
    non_steady_state: bool = True
    max_fd: float | None = None
    max_std_dvars: float | None = None
    min_contiguous: int = 1

    def kept(self, table: pd.DataFrame, *, subject: str = "") -> np.ndarray:
        """Frames that count.

        Parameters
        ----------
        table : DataFrame, n_frames rows
            fMRIPrep's confounds of one run.
        subject : str
            Whose table it is, for messages.

        Returns
        -------
        ndarray of bool, shape (n_frames,)

        Raises
        ------
        InputError
            If a column that is needed is absent, not numeric, or has gaps after the first frame.
        """
        kept = np.ones(len(table), dtype=bool)
        kept[: self.drop_initial] = False
        if self.non_steady_state:
            flags = table.filter(regex="^non_steady_state")
            file = f"confounds of {subject}"
            for column in flags:
                kept &= ~(require_finite_numbers(flags[column], file, column) > 0).to_numpy()
        for column, limit in ((FD, self.max_fd), (DVARS, self.max_std_dvars)):
            if limit is not None:
                kept &= ~(measured(table, column, subject) > limit)
        return keep_long_stretches(kept, self.min_contiguous)


def measured(table: pd.DataFrame, column: str, subject: str) -> np.ndarray:
    """A measure of change from the frame before, which only the first frame lacks.

    Raises
    ------
    InputError
    """
    file = f"confounds of {subject}"
    require_columns(table, [column], file)
    require_numbers(table[column], file, column)
    values = require_finite_numbers(table[column], file, column).to_numpy(dtype=float)
    if (values < 0).any():
        raise InputError(
            f"frame {int(np.argmax(values < 0)) + 1} has {values[values < 0][0]:g}, which is no "
            "size of a change",
            file=file,
            column=column,
            remedy="Run fMRIPrep again for this subject, or list it in fmri.quality.exclude.",
        )
    gaps = np.flatnonzero(np.isnan(values[1:])) + 1
    if gaps.size:
        raise InputError(
            f"{gaps.size} frames after the first have no value, first frame {gaps[0] + 1}",
            file=file,
            column=column,
            remedy="Run fMRIPrep again for this subject, or list it in fmri.quality.exclude.",
        )
    return values


def keep_long_stretches(kept: np.ndarray, shortest: int) -> np.ndarray:
    """Frames of uninterrupted stretches of at least `shortest` kept frames.

    Parameters
    ----------
    kept : ndarray of bool, shape (n_frames,)
        Frames that are kept.
    shortest : int
        Fewest frames that a stretch may have.

    Returns
    -------
    ndarray of bool, shape (n_frames,)
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kept.astype(np.int8), [0]])))
    out = np.zeros_like(kept)
    for start, stop in edges.reshape(-1, 2):
        if stop - start >= shortest:
            out[start:stop] = True
    return out
