"""The knowledge base as a catalog entry, so that lineage shows what a run reads from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from neurogenomics_kb.registry import Registry


class KnowledgeBaseDataset(AbstractDataset[None, Registry]):
    """Load a `Registry` from a folder of cards; it cannot be saved to.

    Examples
    --------
    .. code-block:: yaml

        kb.registry:
          type: neurogenomics_kb.datasets.KnowledgeBaseDataset
          filepath: kb

    >>> KnowledgeBaseDataset(filepath="kb").load().ids("harmonization")  # doctest: +SKIP
    ['combat_smri', 'none_baseline']
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Registry:
        """Read the cards."""
        return Registry(self._filepath)

    def save(self, data: None) -> None:
        """Refuse: cards are written by people, results by `ResultCardDataset`."""
        raise DatasetError("the knowledge base is edited as files, not saved by a pipeline")

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
