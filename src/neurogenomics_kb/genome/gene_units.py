"""Which exons are one gene: by its id, under a label that no other gene has."""

from __future__ import annotations

import logging

import pandas as pd

from neurogenomics_kb.genome.annotation import has_tag

logger = logging.getLogger(__name__)

# Accessions of RefSeq and GenBank beside the usual names.
_X = ("X", "NC_000023", "CM000685")
_Y = ("Y", "NC_000024", "CM000686")
COPY = "_PAR_Y"
COPY_TAG = "PAR"


def name_genes(exons: pd.DataFrame) -> pd.DataFrame:
    """Exons with their gene's label as ``gene``, without copies of X's genes on Y.

    A gene is an id on a contig, so that neither two genes of one name nor the places of one id are
    ever taken together. Its label is its name (its id where it has none); genes that share a
    name are told apart by their ids, ``Y_RNA.ENSG00000206596``, and an id on several contigs by
    these.

    Parameters
    ----------
    exons : DataFrame
        ``seqname, start, end, gene_id`` and optionally ``gene_name`` and ``tag``.

    Returns
    -------
    DataFrame
        The rows that are kept, with ``gene`` and a ``gene_name`` for all.
    """
    ids, chroms = exons["gene_id"].astype(str), exons["seqname"].astype(str)
    names = _names(exons, ids)
    copies = _copies_on_y(exons, ids, names, chroms)
    if copies.any():
        logger.info(
            "annotation: %d pseudoautosomal genes are taken from X, not from Y",
            ids[copies].nunique(),
        )
    ids, names, chroms = ids[~copies], names[~copies], chroms[~copies]
    label = names.copy()
    for more in (ids, chroms):
        units = pd.DataFrame({"label": label, "id": ids, "chrom": chroms}).drop_duplicates()
        shared = label.isin(units.loc[units["label"].duplicated(keep=False), "label"])
        # An id that is the name already tells nothing apart.
        shared &= label != more
        label = label.where(~shared, label + "." + more)
    label = _apart(label, ids, chroms)
    return exons[~copies].assign(gene=label, gene_name=names)


def _apart(label: pd.Series, ids: pd.Series, chroms: pd.Series) -> pd.Series:
    """Labels of which each is one gene's, where a name happens to be another gene's label."""
    genes = pd.DataFrame({"label": label, "id": ids, "chrom": chroms})
    units = genes.drop_duplicates()
    if not units["label"].duplicated().any():
        return label
    taken: set[str] = set(units["label"])
    names = {}
    for unit in units[units["label"].duplicated(keep="first")].itertuples(index=False):
        number = 2
        while f"{unit.label}.{number}" in taken:
            number += 1
        taken.add(f"{unit.label}.{number}")
        names[tuple(unit)] = f"{unit.label}.{number}"
    found = [names.get(own, own[0]) for own in genes.itertuples(index=False, name=None)]
    return pd.Series(found, index=label.index, dtype=object)


def _names(exons: pd.DataFrame, ids: pd.Series) -> pd.Series:
    if "gene_name" not in exons:
        return ids
    named = exons["gene_name"].notna() & (exons["gene_name"].astype(str).str.strip() != "")
    return exons["gene_name"].where(named, ids).astype(str)


def _copies_on_y(
    exons: pd.DataFrame, ids: pd.Series, names: pd.Series, chroms: pd.Series
) -> pd.Series:
    """Exons on Y of genes that are on X too: one gene, whose sequence references mask on Y."""
    on_x, on_y = _on(chroms, _X), _on(chroms, _Y)
    copies = pd.Series(False, index=exons.index)
    if not (on_x.any() and on_y.any()):
        return copies
    copies |= on_y & ids.str.removesuffix(COPY).isin(set(ids[on_x]))
    both = set(names[on_x]) & set(names[on_y & ~copies])
    if both and "tag" in exons:
        copies |= on_y & names.isin(both) & has_tag(exons["tag"], COPY_TAG)
    for name in both - set(names[copies]):
        # Without a mark: a copy has the same exons, at other places.
        x, y = (_structure(exons[(names == name) & on]) for on in (on_x, on_y))
        if len(x) > 1 and x == y:
            copies |= on_y & (names == name)
    return copies


def _on(chroms: pd.Series, contigs: tuple[str, ...]) -> pd.Series:
    bare = chroms.str.removeprefix("chr").str.partition(".")[0]
    return bare.isin(contigs)


def _structure(exons: pd.DataFrame) -> list[tuple[int, int]]:
    """Place of each exon behind the first base, and its length."""
    first = exons["start"].min()
    return sorted(
        {(int(s - first), int(e - s)) for s, e in zip(exons["start"], exons["end"], strict=True)}
    )
