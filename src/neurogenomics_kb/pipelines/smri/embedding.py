"""Node of the encoders of T1 volumes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.encoding import subject_of
from neurogenomics_kb.brain.image_content import content_of_image
from neurogenomics_kb.brain.subjects_dir import SHIPPED
from neurogenomics_kb.brain.t1 import T1Encoder, load_t1_encoder
from neurogenomics_kb.brain.t1.volumes import prepare_t1
from neurogenomics_kb.foundation.content import encoder_version, fingerprint
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.item_cache import Entry, ItemCache
from neurogenomics_kb.foundation.naming import SUBJECT, feature_name
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.quality import quality_table
from neurogenomics_kb.pipelines.smri.parameters import SmriEmbedding
from neurogenomics_kb.pipelines.twins import announce_twins, expect_twins
from neurogenomics_kb.registry.recipe import Recipe

logger = logging.getLogger(__name__)

Loaders = dict[str, Callable[[], Any]]


def t1_encoders(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Specs of the encoders of the recipe's structural blocks and their rivals, by model card."""
    named = {s.encoder for s in recipe.strategies.values() if s.modality == "smri"}
    return {name: recipe.encoders[name] for name in sorted(named - {None})}


def embed_volumes(
    volumes: Loaders,
    table_quality: pd.DataFrame,
    recipe: Recipe,
    embedding: SmriEmbedding,
) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """Vectors of each encoder of the recipe, how they were made, and who is left out."""
    specs = t1_encoders(recipe)
    if not specs:
        return empty_table(), {}, table_quality
    if is_absent(volumes):
        raise InputError(
            f"encoder '{next(iter(specs))}' reads T1 volumes, and the cohort has none",
            file="smri.volumes",
            remedy="Name the images in the catalog under smri.volumes.",
        )
    images = one_image_each(volumes)
    quality = table_quality
    if quality.empty:
        metrics = pd.DataFrame(index=pd.Index(sorted(images), name=SUBJECT, dtype=object))
        quality = quality_table("smri", metrics, {}, [])
    passed = quality.index[quality["included"]]
    failed = {s: "no T1 volume" for s in passed if s not in images}
    blocks, notes = [], {}
    announce_twins("smri", specs, f"{len(passed)} volumes")
    for encoder_id, spec in specs.items():
        encoder = load_t1_encoder(spec, **embedding.loading)
        subjects = [s for s in passed if s not in failed]
        logger.info("smri: embedding %d volumes with %s", len(subjects), encoder_id)
        start = time.perf_counter()
        cache = volume_cache(embedding.cache, encoder_id, spec, encoder)
        table, unreadable = embed_all(encoder, encoder_id, images, subjects, embedding, cache)
        expect_twins("smri", encoder_id, specs, time.perf_counter() - start)
        failed |= unreadable
        blocks.append(table)
        notes[encoder_id] = {
            **encoder.framing, "dim": encoder.dim, "subjects": len(table),
            "weights": encoder.weights_fingerprint,
        }  # fmt: skip
    reason = quality["reason"].where(~quality.index.isin(failed), pd.Series(failed, dtype=object))
    quality = quality.assign(included=reason == "", reason=reason)
    features = pd.concat(blocks, axis=1, join="inner").rename_axis(SUBJECT)
    return features, notes, quality


def one_image_each(volumes: Loaders) -> Loaders:
    """Image of each subject; the first folder of a file's key, or its BIDS entity, is the subject.

    Raises
    ------
    InputError
        If a subject has several images.
    """
    images: Loaders = {}
    for key, load in sorted(volumes.items()):
        folder = key.strip("/").split("/")[0]
        if SHIPPED.fullmatch(folder):
            continue
        subject = subject_of(folder)
        if subject in images:
            raise InputError(
                f"'{subject}' has more than one T1 volume, the second is '{key}'",
                file="smri.volumes",
                remedy="Choose one by filename_suffix, for instance of a session or run.",
            )
        images[subject] = load
    return images


def volume_cache(
    folder: str | None, encoder_id: str, spec: dict[str, Any], encoder: T1Encoder
) -> ItemCache | None:
    """Cache of an encoder's vectors; none where the encoder does not tell what it is."""
    version = "" if folder is None else encoder_version(spec, encoder, prepare_t1.__module__)
    if not version:
        return None
    return ItemCache(folder, encoder_id, fingerprint(version, encoder.shape, encoder.scaling))


def volume_key(load: Callable[[], Any]) -> str:
    """Hash of a volume's file."""
    return fingerprint(content_of_image(load()))


def embed_all(
    encoder: T1Encoder,
    encoder_id: str,
    images: Loaders,
    subjects: list[str],
    embedding: SmriEmbedding,
    cache: ItemCache | None = None,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Vectors of subjects, a batch in memory at a time, and whose image cannot be used."""
    found, batch, unreadable = {}, {}, {}
    for number, subject in enumerate(subjects, 1):
        try:
            kept = recall_vector(cache, images[subject])
            if kept is None:
                batch[subject] = prepare_t1(
                    images[subject](),
                    shape=encoder.shape,
                    scaling=encoder.scaling,
                    file=f"T1 volume of {subject}",
                )
            else:
                found[subject] = kept
        except InputError:
            if embedding.unreadable == "error":
                raise
            logger.warning("smri: the T1 volume of a subject cannot be used", exc_info=True)
            unreadable[subject] = "T1 volume cannot be used"
        if batch and (len(batch) == embedding.batch or number == len(subjects)):
            vectors = encoder.embed(np.stack(list(batch.values())))
            found |= dict(zip(batch, vectors, strict=True))
            keep_vectors(cache, {s: images[s] for s in batch}, vectors)
            batch = {}
    kept = [subject for subject in subjects if subject in found]
    columns = [feature_name("smri", encoder_id, name) for name in encoder.names]
    values = np.vstack([found[s] for s in kept]) if kept else np.empty((0, encoder.dim))
    gaps = ~np.isfinite(values).all(axis=1)
    if gaps.any():
        raise InputError(
            f"the embedding of '{kept[int(np.flatnonzero(gaps)[0])]}' holds NaN",
            file=f"model card '{encoder_id}'",
            subjects=int(gaps.sum()),
            of=len(kept),
            remedy="Check the weights, and the scaling that they were trained with.",
        )
    index = pd.Index(kept, name=SUBJECT, dtype=object)
    return pd.DataFrame(values.astype(float), index=index, columns=columns), unreadable


def recall_vector(cache: ItemCache | None, load: Callable[[], Any]) -> np.ndarray | None:
    """A volume's vector, if it is kept."""
    entry = None if cache is None else cache.get(volume_key(load))
    return None if entry is None else entry.arrays["vector"]


def keep_vectors(cache: ItemCache | None, images: Loaders, vectors: np.ndarray) -> None:
    """Keep those vectors that are numbers."""
    if cache is None:
        return
    for load, vector in zip(images.values(), vectors, strict=True):
        if np.isfinite(vector).all():
            cache.put(volume_key(load), Entry(arrays={"vector": vector}))
