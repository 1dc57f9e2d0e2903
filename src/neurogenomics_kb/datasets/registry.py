"""The knowledge base as a catalog entry, so that lineage shows what a run reads from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.registry import Registry


class RegistryDataset(ReadOnlyDataset[Registry]):
    """Load a `Registry` from a folder of cards; it cannot be saved to.

    Examples
    --------
    .. code-block:: yaml

        kb:
          type: neurogenomics_kb.datasets.RegistryDataset
          filepath: kb

    >>> RegistryDataset(filepath="kb").load().ids("harmonization")  # doctest: +SKIP
    ['combat_smri', 'none_baseline']
    """

    why = "cards are edited as files, and results published"

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Registry:
        """Read the cards."""
        return Registry(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
