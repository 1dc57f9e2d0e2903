"""Results: card and tables beside the report, and the same in the knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.cards import ResultCard
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.publish import publish_result
from neurogenomics_kb.registry.results import Result, read_tables, table_folder, write_tables
from neurogenomics_kb.registry.yaml_file import dump_yaml, read_yaml


class ResultCardDataset(AbstractDataset[Result, Result]):
    """Save a result and publish it to the knowledge base under its id.

    Every file is replaced in one step, so a killed run leaves no half-written card. An id stands
    for recipe, data, parameters and code, so that a run that was killed while it published, or is
    made again, completes one card instead of adding a second. Publishing also drafts the
    decision card that the escalation rule gives.

    Parameters
    ----------
    filepath : str
        File of the card; its tables lie in the folder of the same name without the ending.
    path : str
        Folder of the knowledge base; Kedro makes it absolute, so that a run may start in any
        folder.
    minimum_cell : int
        Smallest count of subjects that may be shown. Default 10.
    metadata : dict, optional
        For kedro-viz and tracking.

    Examples
    --------
    .. code-block:: yaml

        reporting.result_card:
          type: neurogenomics_kb.datasets.ResultCardDataset
          filepath: data/08_reporting/demo/first/result_card.yaml
          path: kb

    >>> dataset = ResultCardDataset(filepath="card.yaml", path="kb")
    >>> dataset.exists()
    False
    """

    def __init__(
        self,
        *,
        filepath: str,
        path: str,
        minimum_cell: int = MINIMUM_CELL,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._kb = Path(path)
        self._minimum_cell = int(minimum_cell)
        self.metadata = metadata

    def load(self) -> Result:
        """Result of the last run."""
        data, _ = read_yaml(self._filepath)
        card = ResultCard.model_validate(data)
        tables = read_tables(table_folder(self._filepath), card.tables)
        return Result(card.model_dump(mode="json"), tables)

    def save(self, data: Result) -> None:
        """Validate, publish, and keep a copy."""
        publish_result(data, self._kb, self._minimum_cell)
        card = ResultCard.model_validate(data.card)
        write_tables(table_folder(self._filepath), data.tables)
        text = dump_yaml(card.model_dump(mode="json", exclude_defaults=True))
        write_text_whole(self._filepath, text)

    def companions(self) -> Iterator[Path]:
        """Tables of the card, which go where the card goes."""
        yield from sorted(table_folder(self._filepath).glob("*.csv"))

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "kb": str(self._kb)}
