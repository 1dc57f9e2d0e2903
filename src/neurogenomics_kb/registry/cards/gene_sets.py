"""Lists of genes that strategies are restricted to."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from neurogenomics_kb.registry.cards.base import Card, PaperId


class GeneSet(Card):
    """Genes, in the order in which they stand in a subject's vector.

    Parameters
    ----------
    genes : list of str
        Names as in the annotation (symbols).
    paper : str, optional
        Paper card the list comes from.
    """

    type_name: ClassVar[str] = "gene_set"
    place: ClassVar[str] = "integration_cards/gene_sets.yaml"
    heading: ClassVar[str] = "Gene sets"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "genes": ["GENE1", "GENE2"],
        "sources": ["doi:…"],
    }

    genes: list[str] = []
    paper: PaperId | None = None

    @model_validator(mode="after")
    def _genes_are_listed_once(self):
        if self.status == "ready" and not self.genes:
            raise ValueError("name `genes`, or set status: planned with the reason")
        twice = sorted({gene for gene in self.genes if self.genes.count(gene) > 1})
        if twice:
            raise ValueError(f"gene '{twice[0]}' is listed more than once")
        return self
