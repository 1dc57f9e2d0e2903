"""Work that is too long for one process, as items that any process can do and all find again.

A modality says here which of its computations are kept by content. A shard does those items that
are in its share and nothing else; the ordinary run then finds all of them in the cache.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kedro.pipeline import Pipeline

from neurogenomics_kb.foundation.choices import Choices, Part
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.shards import Shard
from neurogenomics_kb.pipelines.absent import is_absent

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 60.0


@dataclass(frozen=True)
class Work:
    """Items of one computation that belong to a share.

    Parameters
    ----------
    what : str
        What is done, for the log, without a subject's id.
    names : sequence of str or bytes
        What decides in which share each item is: the hash of a sequence, the subject of a run.
    sizes : sequence of float
        What the time of each item goes with: bases, or 1 where items are alike.
    stored : callable
        Gives the places of the items that are in the cache; whole and readable ones.
    compute : callable
        Takes places, computes these items into the cache, and gives what was wrong with those that
        could not be computed.
    """

    what: str
    names: Sequence[str | bytes]
    sizes: Sequence[float]
    stored: Callable[[], Collection[int]]
    compute: Callable[[list[int]], list[str]]

    def missing(self) -> list[int]:
        """Places of the items that are not in the cache, in order."""
        there = set(self.stored())
        return [place for place in range(len(self.sizes)) if place not in there]


def item_work(
    what: str,
    items: Mapping[str, Any] | Sequence[tuple[str, Any]],
    stored: Callable[[Any], bool],
    compute: Callable[[Any], Any],
) -> Work:
    """Work whose items are done one after the other.

    Parameters
    ----------
    what : str
        What is done, for the log.
    items : mapping, or sequence of pairs
        Subject and item, of those in the share.
    stored : callable
        Whether an item is in the cache.
    compute : callable
        Computes an item into the cache; an `InputError` concerns this item only.
    """
    names, each_item = zip(*pairs, strict=True) if (pairs := _pairs(items)) else ((), ())

    def places() -> list[int]:
        return [place for place, item in enumerate(each_item) if _told(stored, item)]

    def all_of(which: list[int]) -> list[str]:
        problems, last = [], time.monotonic()
        for number, place in enumerate(which, start=1):
            try:
                compute(each_item[place])
            except InputError as error:
                problems.append(str(error))
            if time.monotonic() - last > SECONDS_BETWEEN_LINES:
                logger.info("%s: %d of %d done", what, number, len(which))
                last = time.monotonic()
        return problems

    return Work(what, names, [1.0] * len(names), places, all_of)


def _pairs(items: Mapping[str, Any] | Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return list(items.items() if isinstance(items, Mapping) else items)


def _told(stored: Callable[[Any], bool], item: Any) -> bool:
    """Whether an item is stored; one whose data cannot be read is not."""
    try:
        return stored(item)
    except InputError:
        return False


class Demand:
    """Datasets when they are asked for: what a node makes is made in memory, the rest is read.

    Nothing is saved and no hook is called, so that any number of processes may do so at once.

    Parameters
    ----------
    pipeline : Pipeline
        Whose nodes make what is not stored.
    read : callable
        Name of a dataset to its content.
    stored : collection of str
        Outputs of nodes that are read all the same.
    """

    def __init__(
        self, pipeline: Pipeline, read: Callable[[str], Any], stored: Collection[str] = ()
    ) -> None:
        self._makers = {name: node for node in pipeline.nodes for name in node.outputs}
        self._read, self._stored = read, set(stored)
        self._known: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """Content of a dataset.

        Parameters
        ----------
        name : str
            As in the pipeline.
        """
        if name not in self._known:
            node = self._makers.get(name)
            if node is None or name in self._stored:
                self._known[name] = self._read(name)
            else:
                self._known |= node.run({each: self(each) for each in node.inputs})
        return self._known[name]

    def change(self, name: str, change: Callable[[Any], Any]) -> None:
        """Let everything that follows see a dataset otherwise.

        Parameters
        ----------
        name : str
            An input of the pipeline.
        change : callable
            Content to the content that is seen.
        """
        self._known[name] = change(self(name))


def share_of(
    loaders: Mapping[str, Any], shard: Shard | None, subject: Callable[[str], str]
) -> Mapping[str, Any]:
    """Entries of the subjects in a share; everything without a shard, or where nothing is there.

    Parameters
    ----------
    loaders : mapping
        Of one dataset, by subject or run.
    shard : Shard, optional
        The share.
    subject : callable
        Subject of a key, so that all of a person's runs are in one share.
    """
    if shard is None or is_absent(loaders):
        return loaders
    return {key: load for key, load in loaders.items() if shard.holds(subject(key))}


def share_of_exclusions(quality: Any, shard: Shard | None) -> Any:
    """Quality parameters that leave out by hand only those who are in the share.

    Parameters
    ----------
    quality : QualityParameters
        Their ``exclude`` is held against the data, which another shard may have.
    shard : Shard, optional
        The share.
    """
    if shard is None:
        return quality
    return quality.model_copy(update={"exclude": [s for s in quality.exclude if shard.holds(s)]})


@dataclass(frozen=True)
class Source:
    """A modality with work that can be shared out.

    Parameters
    ----------
    builder : str
        ``module:function`` that takes a `Demand` and a `Shard` (or None for everything) and gives
        the list of `Work`.
    unit : str
        What is shared out, in words.
    prepared : tuple of str
        Tables that take long to make and that a run may have stored before.
    """

    builder: str
    unit: str
    prepared: tuple[str, ...] = ()

    def work(self, demand: Demand, shard: Shard | None) -> list[Work]:
        """Items of a share.

        Parameters
        ----------
        demand : Demand
            Gives the datasets.
        shard : Shard, optional
            The share; everything without it.
        """
        return Part(object, self.builder).build(demand, shard)


_HERE = "neurogenomics_kb.pipelines"
SOURCES: Choices[Source] = Choices(
    "modality with work to share out",
    {
        "genomics": Source(
            f"{_HERE}.genomics.work:genomics_work",
            "distinct sequences",
            ("genomics.distinct_sequences", "genomics.haplotype_index"),
        ),
        "fmri": Source(f"{_HERE}.fmri.work:fmri_work", "runs"),
        "eeg": Source(f"{_HERE}.eeg.work:eeg_work", "recordings"),
        "smri": Source(f"{_HERE}.smri.work:smri_work", "volumes"),
    },
)
