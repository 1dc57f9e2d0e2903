"""Runs by content: parcel series and connectivity are computed once of each run.

What a result is kept under is the hash of all that it hangs on: the tables' content, an image's
files, card and parameters, the encoder, and the code. A table is read to know its hash, an image is
not.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.atlas import Atlas, load_atlas
from neurogenomics_kb.brain.connectivity import attempt_run
from neurogenomics_kb.brain.image_content import content_of_image
from neurogenomics_kb.foundation.content import code_version, fingerprint
from neurogenomics_kb.foundation.item_cache import Entry, ItemCache, recall
from neurogenomics_kb.pipelines.fmri import acquisition
from neurogenomics_kb.pipelines.fmri.content import Loader, content_of
from neurogenomics_kb.registry.cards import PreprocessingPipeline

Connectivity = tuple[list[str], dict[str, np.ndarray]]
LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "nilearn", "nibabel")
# --- parcel series ------------------------------------------------------------------------------


def series_of_volumes(
    volumes: Mapping[str, Loader],
    settings: Mapping[str, Any],
    tr: float,
    card: PreprocessingPipeline | None,
    folder: str | None = None,
) -> dict[str, Loader]:
    """Subject to a function that averages its image over parcels.

    Parameters
    ----------
    volumes : mapping of str to callable
        Subject to what opens its image.
    settings : mapping
        Of the atlas, see `load_atlas`.
    tr : float
        Repetition time (s).
    card : PreprocessingPipeline, optional
        Card that the recordings go through.
    folder : str, optional
        Cache of the cohort's runs; None for none.

    Raises
    ------
    InputError
        If the atlas is not the card's, or a file name or description contradicts the card.
    """
    if card is not None:
        acquisition.check_atlas(card, settings["name"])
    atlas = load_atlas(settings)
    smooth = None if card is None else card.find("smooth")
    shared = (atlas, tr, card, smooth.fwhm_mm if smooth else None)
    cache = series_cache(folder, *shared)
    return {
        subject: functools.partial(recall_series, cache, load, *shared, subject)
        for subject, load in volumes.items()
    }


def series_cache(
    folder: str | None,
    atlas: Atlas,
    tr: float,
    card: PreprocessingPipeline | None,
    fwhm: float | None,
) -> ItemCache | None:
    """Cache of parcel series that are averaged here.

    Parameters
    ----------
    folder : str, optional
        Cache of the cohort's runs; None for none.
    atlas, tr, card, fwhm
        As for `average_run`: what all runs share.
    """
    if folder is None:
        return None
    parcels = [atlas.name, content_of_image(atlas.image), atlas.labels, atlas.space]
    code = code_version(acquisition.__name__, libraries=LIBRARIES)
    return ItemCache(folder, "parcels", fingerprint(code, parcels, tr, card, fwhm))


def recall_series(cache: ItemCache | None, load: Loader, *more: Any) -> pd.DataFrame:
    """Parcel series of a run, averaged once.

    Parameters
    ----------
    cache : ItemCache, optional
        From `series_cache`.
    load : callable
        Gives the image.
    *more
        Further arguments of `average_run`.
    """
    return recall(
        cache,
        functools.partial(series_key, load),
        functools.partial(acquisition.average_run, load, *more),
        _pack_table,
        _unpack_table,
    )


def series_key(load: Loader) -> str:
    """Hash of an image.

    Parameters
    ----------
    load : callable
        Gives the image.
    """
    return fingerprint(content_of(load))


def _pack_table(table: pd.DataFrame) -> Entry | None:
    plain = table.index.equals(pd.RangeIndex(len(table))) and not table.attrs
    kinds = set(table.dtypes)
    if not plain or len(kinds) != 1:
        return None
    names = [str(c) for c in table.columns]
    return Entry({"columns": names}, {"values": table.to_numpy()})


def _unpack_table(entry: Entry) -> pd.DataFrame:
    return pd.DataFrame(entry.arrays["values"], columns=entry.note["columns"])


# --- connectivity -------------------------------------------------------------------------------


def connectivity_cache(folder: str | None) -> ItemCache | None:
    """Cache of connectivity.

    Parameters
    ----------
    folder : str, optional
        Cache of the cohort's runs; None for none.
    """
    if folder is None:
        return None
    code = code_version(attempt_run.__module__, libraries=LIBRARIES)
    return ItemCache(folder, "connectivity", code)


def connectivity_key(
    load_timeseries: Loader, load_confounds: Loader, tr: float, subject: str, *more: Any
) -> str:
    """Hash of a run's tables and of how it is cleaned and correlated.

    Parameters
    ----------
    load_timeseries, load_confounds, tr, subject, *more
        As for `connect_run`.
    """
    # Content and not files: series that were averaged here may be in memory or stored.
    return fingerprint(load_timeseries(), load_confounds(), tr, *more)


def connect_once(cache: ItemCache | None, *arguments: Any) -> Connectivity | None:
    """`attempt_run`, once of each content.

    Parameters
    ----------
    cache : ItemCache, optional
        From `connectivity_cache`.
    *arguments
        As for `connect_run`.
    """
    if cache is not None:
        load_timeseries, load_confounds, *more = arguments
        # Read once, for the hash and for the work. What cannot be read is met by the caller.
        try:
            tables = load_timeseries(), load_confounds()
        except Exception:
            return attempt_run(*arguments)
        arguments = (*(functools.partial(_same, table) for table in tables), *more)
    return recall(
        cache,
        functools.partial(connectivity_key, *arguments),
        functools.partial(attempt_run, *arguments),
        _pack_connectivity,
        _unpack_connectivity,
    )


def _same(table: pd.DataFrame) -> pd.DataFrame:
    return table.copy(deep=False)


def _pack_connectivity(found: Connectivity | None) -> Entry | None:
    if found is None:
        return None
    parcels, features = found
    return Entry({"parcels": parcels, "kinds": list(features)}, dict(features))


def _unpack_connectivity(entry: Entry) -> Connectivity:
    return entry.note["parcels"], {kind: entry.arrays[kind] for kind in entry.note["kinds"]}
