"""Runs through an encoder by content: the vectors of each run are computed once."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from neurogenomics_kb.brain.encoding import embed_loaded
from neurogenomics_kb.brain.pooling import PooledRun
from neurogenomics_kb.brain.windows import Rules
from neurogenomics_kb.foundation.content import encoder_version, fingerprint
from neurogenomics_kb.foundation.item_cache import Entry, ItemCache, recall
from neurogenomics_kb.pipelines.fmri import encoder_inputs
from neurogenomics_kb.pipelines.fmri.content import Loader, content_of


class RunEmbedder:
    """Runs through an encoder, each content once.

    Parameters
    ----------
    folder : str or None
        Cache of the cohort's runs; None for none.
    encoder_id : str
        Id of the model card.
    spec : mapping
        Of the card.
    encoder : BrainEncoder
        The encoder.
    rules : Rules
        Which segments count, and how they are pooled.
    tr : float
        Repetition time (s).
    """

    def __init__(
        self,
        folder: str | None,
        encoder_id: str,
        spec: Mapping[str, Any],
        encoder: Any,
        rules: Rules,
        tr: float,
    ) -> None:
        self.encoder, self.rules, self.tr = encoder, rules, tr
        version = ""
        if folder is not None:
            version = encoder_version(
                spec, encoder, embed_loaded.__module__, encoder_inputs.__name__
            )
        self.cache = None
        if version:
            shared = fingerprint(version, rules, tr)
            self.cache = ItemCache(folder, encoder_id, shared)

    def key(self, load: Loader, load_confounds: Loader | None) -> str:
        """Hash of a run and its confounds.

        Parameters
        ----------
        load, load_confounds : callable
            Give the run's signal and nuisance table.
        """
        return fingerprint(content_of(load), content_of(load_confounds))

    def __call__(self, load: Loader, load_confounds: Loader | None, subject: str) -> PooledRun:
        """One run's vector.

        Parameters
        ----------
        load, load_confounds : callable
            Give the run's signal and nuisance table.
        subject : str
            Whose run it is, for messages.
        """
        return recall(
            self.cache,
            functools.partial(self.key, load, load_confounds),
            functools.partial(
                embed_loaded, self.encoder, self.rules, load, load_confounds, self.tr, subject
            ),
            _pack_run,
            _unpack_run,
        )


def _pack_run(run: PooledRun) -> Entry:
    note = {
        "fd": run.fd, "segments": run.segments, "kept": run.kept, "reason": run.reason,
        "dropped": run.dropped,
    }  # fmt: skip
    vectors = {"vector": run.vector, "uniform": run.uniform}
    return Entry(note, {name: each for name, each in vectors.items() if each is not None})


def _unpack_run(entry: Entry) -> PooledRun:
    return PooledRun(entry.arrays.get("vector"), entry.arrays.get("uniform"), **entry.note)
