"""Embeddings by content: each distinct sequence goes through an encoder once, ever.

A cache is a folder of small files, each written in one step, so a killed run loses at most what it
had not yet put down. It holds hashes of sequences and vectors, no subjects. A sequence that few
people carry can identify one of them even as a hash, since anybody with a guess can hash it too; so
only common sequences go to a cache that cohorts share.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.content import device_kind
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.whole_files import whole_file
from neurogenomics_kb.genome.encoders.base import Encoder

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_FILES = 60.0
# Sequences that are handed to the encoder together: enough to fill its batches.
PORTION = 512
# Sequences that the cost is estimated from.
MEASURED = 8
KEY = "S32"
# Raised when the code gives other vectors from the same weights; older caches are not used then.
CODE = 2


def sequence_keys(sequences: Sequence[str]) -> np.ndarray:
    """Hash of each upper-case sequence."""
    return np.array(
        [hashlib.sha256(s.upper().encode()).hexdigest()[:32].encode() for s in sequences], dtype=KEY
    )


class EmbeddingCache:
    """Vectors of one encoder in a folder.

    Parameters
    ----------
    folder : Path
        Made when there is something to put down.
    encoder : str
        Fingerprint of the encoder (`encoder_fingerprint`). Others' vectors are not seen.
    dim : int
        Length of a vector.
    """

    def __init__(self, folder: str | Path, encoder: str, dim: int) -> None:
        self.folder, self.dim = Path(folder) / encoder, dim
        self._read: set[str] = set()
        self._keys = np.empty(0, dtype=KEY)
        self._vectors = np.empty((0, dim), dtype=np.float32)
        self.refresh()

    def refresh(self) -> None:
        """Read files that appeared since; a damaged one is deleted, its sequences are missing."""
        keys, vectors = [self._keys], [self._vectors]
        for file in sorted(self.folder.glob("*.npz")):
            if file.name in self._read:
                continue
            found = self._read_file(file)
            if found is not None:
                keys.append(found[0])
                vectors.append(found[1])
                self._read.add(file.name)
        merged, first = np.unique(np.concatenate(keys), return_index=True)
        self._keys, self._vectors = merged, np.concatenate(vectors)[first]

    def _read_file(self, file: Path) -> tuple[np.ndarray, np.ndarray] | None:
        """Keys and vectors of a file; nothing if it is damaged, or another process just saw to it.

        Raises
        ------
        InputError
            If the file may not be read.
        """
        try:
            with np.load(file, allow_pickle=False) as stored:
                keys, vectors = stored["keys"], stored["vectors"]
            if vectors.shape != (len(keys), self.dim) or keys.dtype != KEY:
                raise ValueError(f"{vectors.shape} vectors for {len(keys)} keys")
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise InputError(
                f"the cache file cannot be read ({error.strerror})",
                file=file,
                remedy="See to its permissions.",
            ) from None
        except Exception as error:  # damage shows in many ways
            logger.warning("%s is damaged (%s); its sequences are embedded again", file, error)
            with contextlib.suppress(PermissionError):  # a shared cache may belong to others
                file.unlink(missing_ok=True)
            return None
        return keys, vectors

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which keys are there, and the vectors of those, in order."""
        if not len(self._keys):
            return np.zeros(len(keys), dtype=bool), np.empty((0, self.dim), np.float32)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        there = self._keys[place] == keys
        return there, self._vectors[place[there]]

    def put(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """Add vectors as one new file."""
        if not len(keys):
            return
        with whole_file(self.folder / f"{secrets.token_hex(8)}.npz") as stream:
            np.savez(stream, keys=keys.astype(KEY), vectors=vectors.astype(np.float32))


@dataclass(frozen=True)
class Embedded:
    """What `embed_once` did.

    Parameters
    ----------
    vectors : ndarray, shape (n_sequences, dim)
        One vector per sequence.
    computed : int
        Sequences that went through the encoder.
    """

    vectors: np.ndarray
    computed: int


def embed_once(
    encoder: Encoder,
    sequences: Sequence[str],
    local: EmbeddingCache,
    *,
    shared: EmbeddingCache | None = None,
    carriers: np.ndarray | None = None,
    minimum_cell: int = 10,
) -> Embedded:
    """Embed what no cache holds.

    Parameters
    ----------
    encoder : Encoder
        The encoder.
    sequences : sequence of str
        Distinct sequences.
    local : EmbeddingCache
        Cache of the cohort.
    shared : EmbeddingCache, optional
        Cache that other cohorts read.
    carriers : ndarray of int, shape (n_sequences,), optional
        Subjects that carry each sequence; nothing is shared without it.
    minimum_cell : int
        Fewest carriers of a sequence that is shared.

    Returns
    -------
    Embedded
        The same vectors as ``encoder.embed(sequences)``, as float32.

    Raises
    ------
    InputError
        If an embedding is not finite.
    """
    keys = sequence_keys(sequences)
    vectors = np.empty((len(keys), encoder.dim), dtype=np.float32)
    missing = np.ones(len(keys), dtype=bool)
    for cache in [local] if shared is None else [local, shared]:
        there, found = cache.find(keys[missing])
        at = np.flatnonzero(missing)[there]
        vectors[at] = found
        missing[at] = False
    todo = np.flatnonzero(missing)
    common = np.zeros(len(keys), dtype=bool)
    if shared is not None and carriers is not None:
        common = np.asarray(carriers) >= minimum_cell
    # By length, so that the encoder's batches are full and need no padding.
    todo = todo[np.argsort([len(sequences[i]) for i in todo], kind="stable")]
    first_few = todo[:: max(1, len(todo) // MEASURED)][:MEASURED]
    if len(first_few):
        start = time.perf_counter()
        vectors[first_few] = _embed(encoder, [sequences[i] for i in first_few])
        _log_cost(sequences, todo, first_few, time.perf_counter() - start)
    waiting: list[int] = first_few.tolist()
    rest = todo[~np.isin(todo, first_few)]
    last = time.monotonic()
    for first in range(0, len(rest), PORTION):
        portion = rest[first : first + PORTION]
        vectors[portion] = _embed(encoder, [sequences[i] for i in portion])
        waiting.extend(portion)
        done = len(first_few) + first + len(portion)
        if time.monotonic() - last > SECONDS_BETWEEN_FILES:
            _put_down(np.array(waiting), keys, vectors, common, local, shared)
            logger.info("genomics: %d of %d new sequences embedded", done, len(todo))
            waiting, last = [], time.monotonic()
    _put_down(np.array(waiting, dtype=int), keys, vectors, common, local, shared)
    return Embedded(vectors, len(todo))


def _embed(encoder: Encoder, sequences: list[str]) -> np.ndarray:
    """Vectors, which must be numbers before they are kept for ever."""
    vectors = encoder.embed(sequences)
    wrong = ~np.isfinite(vectors).all(axis=1)
    if wrong.any():
        raise InputError(
            f"the embeddings of {int(wrong.sum())} of {len(wrong)} sequences are no finite numbers",
            column="dtype",
            remedy="Use float32 in the model card's spec.",
        )
    return vectors


def _log_cost(
    sequences: Sequence[str], todo: np.ndarray, measured: np.ndarray, seconds: float
) -> None:
    """Say how long all new sequences will take, from those that are done."""
    bases = sum(len(sequences[i]) for i in todo)
    speed = sum(len(sequences[i]) for i in measured) / seconds
    expected = bases / speed
    logger.info(
        "genomics: %s of %s distinct sequences are new, %s bases; at %s bases/s (both strands "
        "run) that takes about %s",
        f"{len(todo):,}",
        f"{len(sequences):,}",
        f"{bases:,}",
        f"{speed:,.0f}",
        f"{expected:.0f} s" if expected < 600 else f"{expected / 3600:.1f} h",
    )


def _put_down(
    at: np.ndarray,
    keys: np.ndarray,
    vectors: np.ndarray,
    common: np.ndarray,
    local: EmbeddingCache,
    shared: EmbeddingCache | None,
) -> None:
    """Write common sequences to the shared cache and the others to the cohort's."""
    own = at[~common[at]]
    local.put(keys[own], vectors[own])
    if shared is not None:
        both = at[common[at]]
        shared.put(keys[both], vectors[both])


def encoder_fingerprint(encoder_id: str, spec: dict[str, Any], encoder: Encoder) -> str:
    """Name of an encoder's folder: what changes its vectors changes the name.

    Parameters
    ----------
    encoder_id : str
        Id of the model card.
    spec : dict
        Of the card.
    encoder : Encoder
        Its ``weights_fingerprint``, framing (tokenization, windows, pooling), number type and
        device count, and the revision of the code that cuts and pools.
    """
    parts = {
        "code": CODE,
        "spec": sorted(spec.items()),
        "framing": sorted(encoder.framing.items()),
        "weights": getattr(encoder, "weights_fingerprint", ""),
        "dtype": getattr(encoder, "dtype", ""),
        "device": device_kind(str(getattr(encoder, "device", ""))),
    }
    text = repr(sorted(parts.items()))
    return f"{encoder_id}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def count_carriers(index: Any, n_sequences: int) -> np.ndarray:
    """Subjects that carry each sequence on at least one haplotype.

    Parameters
    ----------
    index : DataFrame
        ``sample, sequence_id``.
    n_sequences : int
        Number of distinct sequences.
    """
    pairs = index[["sample", "sequence_id"]].drop_duplicates()
    return np.bincount(pairs["sequence_id"].to_numpy(), minlength=n_sequences)
