"""People who have withdrawn their consent: their data are left out of everything, first."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from neurogenomics_kb.brain.embeddings import ImportedEmbeddings
from neurogenomics_kb.foundation.delimited import clean, read_content
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file
from neurogenomics_kb.genome.variants import GenotypeOptions, open_variants

logger = logging.getLogger(__name__)

PATTERN = "w*.csv"


def read_withdrawn(folder: str | Path) -> frozenset[str]:
    """Ids on all lists of a folder, one id per line, as the biobank sends them (``w*.csv``).

    Parameters
    ----------
    folder : str or Path
        Folder that holds the lists.

    Returns
    -------
    frozenset of str

    Raises
    ------
    InputError
        If there is no list, or a line is no id. Messages never repeat an id.
    """
    lists = sorted(Path(folder).glob(PATTERN))
    if not lists:
        raise InputError(
            f"there is no list of withdrawn participants ({PATTERN})",
            file=folder,
            remedy="Put the latest list there; an empty file says that nobody has withdrawn.",
        )
    ids: set[str] = set()
    for path in lists:
        lines = read_content(path).splitlines()
        for number, line in enumerate(lines, start=1):
            text = clean(clean(line).strip('"'))
            if not text or (number == 1 and text.lower() in ("eid", "id", "participant_id")):
                continue
            if not text.isalnum():
                raise InputError(
                    f"line {number} is not one id",
                    file=path,
                    remedy="Keep one id per line and nothing else.",
                )
            ids.add(text)
    return frozenset(ids)


def load_others(load: Callable[[], Any], withdrawn: frozenset[str], what: str) -> Any:
    """Content of one entry; embeddings of an encoder hold many people, other entries one."""
    data = load()
    return (
        without_withdrawn(data, withdrawn, what) if isinstance(data, ImportedEmbeddings) else data
    )


def lists_fingerprint(folder: str | Path) -> str:
    """Hash of the lists, so that outputs of a run are known to be older than a withdrawal."""
    content = hashlib.sha256()
    for path in sorted(Path(folder).glob(PATTERN)):
        with open_file(path) as stream:
            content.update(stream.read())
    return content.hexdigest()[:16]


def without_withdrawn(data, withdrawn: frozenset[str], what: str, id_column: str | None = None):
    """Data of everybody else; how many were left out is logged.

    Parameters
    ----------
    data : DataFrame, dict by subject, dict by encoder, or path or options of variant files
        What is read.
    withdrawn : frozenset of str
        Ids of who withdrew.
    what : str
        What to call the data in messages.
    id_column : str, optional
        Column of a table's subject ids; its index by default.

    Raises
    ------
    InputError
        If a variant file holds them: it cannot be read in part.
    """
    if isinstance(data, (Path, GenotypeOptions)):
        refuse_withdrawn_samples(data, withdrawn)
        return data
    if isinstance(data, dict):
        kept = {k: v for k, v in data.items() if k.removeprefix("sub-") not in withdrawn}
        log_withdrawn(what, len(data) - len(kept), len(withdrawn))
        return {k: partial(load_others, v, withdrawn, k) for k, v in kept.items()}
    if isinstance(data, ImportedEmbeddings):
        gone = data.keys["subject"].isin(withdrawn).to_numpy()
        log_withdrawn(what, int(gone.sum()), len(withdrawn))
        keys = data.keys[~gone].reset_index(drop=True)
        return replace(data, keys=keys, vectors=data.vectors[~gone])
    if not isinstance(data, pd.DataFrame):
        return data  # not collected, or about nobody
    ids = data.index if id_column is None else data[id_column]
    out = pd.Series(ids).astype("string").isin(withdrawn).to_numpy()
    log_withdrawn(what, int(out.sum()), len(withdrawn))
    return data[~out]


def refuse_withdrawn_samples(source: Path | GenotypeOptions, withdrawn: frozenset[str]) -> None:
    """A variant file may not hold anybody who has withdrawn.

    Raises
    ------
    InputError
    """
    with open_variants(source) as file:
        path = file.path
        present = sum(sample in withdrawn for sample in file.samples)
        total = len(file.samples)
    if present:
        raise InputError(
            "samples of withdrawn participants are in the variant file",
            file=path,
            subjects=present,
            of=total,
            remedy="Write it without them: `bcftools view --force-samples -S ^WITHDRAWN`, or "
            "`plink2 --remove WITHDRAWN`.",
        )


def log_withdrawn(what: str, dropped: int, listed: int) -> None:
    """One line on how many were dropped; never who."""
    level = logging.WARNING if dropped else logging.INFO
    logger.log(
        level, "%s: %d rows of withdrawn participants dropped (%d on the lists)",
        what, dropped, listed,
    )  # fmt: skip
