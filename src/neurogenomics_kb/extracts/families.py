"""Families from a table of related pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurogenomics_kb.foundation.delimited import read_content
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tables import as_numbers, require_columns, require_numbers
from neurogenomics_kb.registry.cards import Kinship

# Estimates of twins scatter above one half.
LARGEST = 0.6


def read_families(path: Path, ids: pd.Index, card: Kinship) -> pd.DataFrame:
    """Family of every subject; who has no relative among them is a family of one.

    Relatives of relatives are one family, so that no fold boundary separates a pair. Where the card
    says from which kinship on relatives are close, these are sibships inside the families.

    Parameters
    ----------
    path : Path
        Table of pairs, separated by white space, such as ``ukb_rel.dat`` that KING's estimates
        come in.
    ids : Index of str
        Subjects.
    card : Kinship
        Where the table of pairs lies, and from which kinship on.

    Returns
    -------
    DataFrame of str
        Indexed by `ids`, a column for each of the card's `supplies`. The names say nothing about
        the subjects.

    Raises
    ------
    InputError
        If the file or a column is missing, a row has more or fewer cells than the header, a
        coefficient is no number or above a half, or no subject is in it.
    """
    if not path.is_file():
        raise InputError(
            "the table of related pairs is missing",
            file=path,
            remedy="Put it there, or leave `relatedness` out and supply families as a column.",
        )
    pairs = read_pairs(path)
    require_columns(pairs, (*card.columns, card.coefficient), str(path))
    require_numbers(pairs[card.coefficient], str(path), card.coefficient)
    kinship = as_numbers(pairs[card.coefficient])
    if (kinship > LARGEST).any():
        raise InputError(
            f"kinship goes up to {kinship.max():g}, and that of a person with itself is 0.5",
            file=path,
            column=card.coefficient,
            remedy="Name the column of the kinship coefficient: a share of shared alleles is twice "
            "as large.",
        )
    if len(pairs) and not any(ids.get_indexer(pairs[c]).max() >= 0 for c in card.columns):
        raise InputError(
            f"none of its {len(pairs):,} pairs holds a subject of the tables",
            file=path,
            remedy="Both must come from one application: ids differ between applications.",
        )
    bounds = dict(zip(card.supplies, (card.minimum, card.close), strict=False))
    return pd.DataFrame(
        {
            name: _connected(pairs[kinship >= bound], ids, card, word)
            for (name, bound), word in zip(bounds.items(), ("family", "sibship"), strict=False)
        },
        index=ids,
    )


def _connected(related: pd.DataFrame, ids: pd.Index, card: Kinship, word: str) -> list[str]:
    """Name of the group that every subject is connected to."""
    first, second = (ids.get_indexer(related[c]) for c in card.columns)
    both = (first >= 0) & (second >= 0)
    n = len(ids)
    graph = coo_matrix((np.ones(int(both.sum())), (first[both], second[both])), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    return [f"{word}-{label + 1:06d}" for label in labels]


def read_pairs(path: Path) -> pd.DataFrame:
    """Table of text, separated by white space.

    Raises
    ------
    InputError
        If a row has more or fewer cells than the header.
    """
    lines = read_content(path).splitlines()
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError("has no header", file=path, remedy="Copy the file again.")
    header = rows[0][1]
    uneven = next(((n, len(cells)) for n, cells in rows if len(cells) != len(header)), None)
    if uneven is not None:
        raise InputError(
            f"line {uneven[0]} has {uneven[1]} cells, and the header {len(header)}",
            file=path,
            remedy="Copy the file again, or write n/a where a value is missing.",
        )
    return pd.DataFrame([cells for _, cells in rows[1:]], columns=header, dtype=object)
