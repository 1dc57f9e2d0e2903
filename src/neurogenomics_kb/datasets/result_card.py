"""Result cards: one copy beside the report, one in the knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from neurogenomics_kb.registry.cards import ResultCard
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.publish import publish_result
from neurogenomics_kb.registry.yaml_file import dump_yaml, read_yaml, write_atomically


class ResultCardDataset(AbstractDataset[dict[str, Any], dict[str, Any]]):
    """Save a result card and publish it to the knowledge base under its id.

    Both files are replaced in one step each, so a killed run leaves no half-written card, and ids
    hold the run's id, so two runs never share a file. Publishing also drafts the decision card that
    the escalation rule gives.

    Examples
    --------
    .. code-block:: yaml

        reporting.result_card:
          type: neurogenomics_kb.datasets.ResultCardDataset
          filepath: data/08_reporting/demo/first/result_card.yaml
          kb: kb

    >>> dataset = ResultCardDataset(filepath="card.yaml", kb="kb")
    >>> dataset.exists()
    False
    """

    def __init__(
        self,
        *,
        filepath: str,
        kb: str,
        minimum_cell: int = MINIMUM_CELL,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._kb = Path(kb)
        self._minimum_cell = int(minimum_cell)
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Card of the last run."""
        data, _ = read_yaml(self._filepath)
        return ResultCard.model_validate(data).model_dump(mode="json")

    def save(self, data: dict[str, Any]) -> None:
        """Validate, publish, and keep a copy."""
        publish_result(data, self._kb, self._minimum_cell)
        card = ResultCard.model_validate(data)
        text = dump_yaml(card.model_dump(mode="json", exclude_defaults=True))
        write_atomically(self._filepath, text)

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "kb": str(self._kb)}
