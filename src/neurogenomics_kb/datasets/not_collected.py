"""A modality that a cohort does not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurogenomics_kb.datasets.read_only import ReadOnlyDataset


@dataclass(frozen=True)
class NotCollected:
    """Stands for data that a cohort does not have.

    Attributes
    ----------
    modality : str
    reason : str
    """

    modality: str
    reason: str = ""


class NotCollectedDataset(ReadOnlyDataset[NotCollected]):
    """Catalog entry of a modality that was not collected; the graph stays the same.

    Examples
    --------
    .. code-block:: yaml

        genomics.variants:
          type: neurogenomics_kb.datasets.NotCollectedDataset
          modality: genomics
          reason: no genotyping in this cohort

    >>> NotCollectedDataset(modality="eeg").load()
    NotCollected(modality='eeg', reason='')
    """

    def __init__(
        self, *, modality: str, reason: str = "", metadata: dict[str, Any] | None = None
    ) -> None:
        self._marker = NotCollected(modality, reason)
        self.why = f"{modality} is declared as not collected in this cohort"
        self.metadata = metadata

    def load(self) -> NotCollected:
        """The marker."""
        return self._marker

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"modality": self._marker.modality, "reason": self._marker.reason}
