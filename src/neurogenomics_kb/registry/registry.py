"""The knowledge base: cards, and what must hold between them."""

from __future__ import annotations

from neurogenomics_kb.registry.integrity import check_integrity
from neurogenomics_kb.registry.raw import Problem
from neurogenomics_kb.registry.store import CardStore


class Registry(CardStore):
    """The knowledge base of a folder.

    Parameters
    ----------
    path : str or Path
        Folder that holds ``integration_cards``, ``datasets``, ….
    project : str or Path, optional
        Project folder with ``conf/experiments``, ``docs`` and ``src``, which cards refer to; the
        folder above `path` by default.

    Examples
    --------
    >>> registry = Registry("kb")  # doctest: +SKIP
    >>> registry.get("smri_free_surfer_pca512_v1").projector.dim  # doctest: +SKIP
    512
    """

    def validate(self) -> list[Problem]:
        """Everything wrong with the knowledge base, in order of file and line."""
        found = []
        for card_id in self.ids():
            raw = self.raw(card_id)
            if raw is not None:
                found += self.check(raw)
        problems = [*found, *check_integrity(self), *self._problems]
        return sorted(set(problems), key=lambda p: (p.file, p.line, p.field, p.message))
