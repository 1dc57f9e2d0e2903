"""Tables with a contract: checked on save, stored where the contract says."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from neurogenomics_kb.foundation.contracts import Contract, ContractError
from neurogenomics_kb.foundation.wide import StoredTable, read_table, write_table

Partitions = dict[str, "pd.DataFrame | Callable[[], pd.DataFrame]"]


class TableDataset(AbstractDataset[Any, Any]):
    """A table that a node saves, as its contract describes it.

    The contract says the format, the place below ``data/``, the layer, whether a row is about a
    person (then nothing of it is previewed or tracked) and what the columns are; a table that is
    something else is refused on save.

    Parameters
    ----------
    table : str
        Name of the contract, such as ``integration.cca``.
    contracts : str
        Module that holds the contracts by name, as ``CONTRACTS``.
    cohort : str
        Id of the cohort, a folder of every layer.
    experiment : str
        Id of the experiment, a folder of the layers that belong to one.
    path : str
        Folder of all data; Kedro makes it absolute, so that a run may start in any folder. Default
        ``data``.
    metadata : dict, optional
        Added to what the contract says; it cannot make a private table visible.

    Examples
    --------
    .. code-block:: yaml

        "integration.{table}":
          type: neurogenomics_kb.datasets.TableDataset
          table: integration.{table}
          contracts: neurogenomics_kb.pipelines.contracts
          path: data
          cohort: ${globals:cohort}
          experiment: ${globals:experiment}

    >>> dataset = TableDataset(
    ...     table="integration.cca", contracts="neurogenomics_kb.pipelines.contracts",
    ...     cohort="demo", experiment="first",
    ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        table: str,
        contracts: str,
        cohort: str,
        experiment: str,
        path: str = "data",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        known = import_module(contracts).CONTRACTS
        if table not in known:
            raise ContractError(f"no contract describes table '{table}' ({contracts})")
        self.contract: Contract = known[table]
        self._filepath = Path(self.contract.path(path, cohort, experiment))
        self.metadata = {**(metadata or {}), **self.contract.metadata()}

    def load(self) -> Any:
        """The stored table; partitions as functions that load one each.

        Of a table whose contract says ``by_column``, what reads its columns when they are wanted.
        """
        if self.contract.format == "json":
            return json.loads(self._filepath.read_text(encoding="utf-8"))
        if self.contract.format == "partitions":
            files = sorted(self._filepath.glob("*.parquet"))
            return {f.stem: _Partition(f) for f in files}
        if self.contract.by_column:
            return StoredTable(self._filepath)
        if self.contract.format == "parquet":
            return read_table(self._filepath)
        # Text stays text where every cell is empty or looks like a number.
        texts = {c.name: "str" for c in self.contract.columns if c.kind == "text"}
        table = pd.read_csv(self._filepath, keep_default_na=False, na_values=[""], dtype=texts)
        return table.fillna({c: "" for c in texts if c in table})

    def save(self, data: Any) -> None:
        """Check the table against its contract and store it.

        A function is called for its table when its turn comes, after what was saved before it.
        """
        data = data() if callable(data) else data
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        if self.contract.format == "json":
            text = json.dumps(data, ensure_ascii=False, indent=1)
            self._filepath.write_text(text, encoding="utf-8")
        elif self.contract.format == "partitions":
            self._save_partitions(data)
        else:
            self.contract.check(data)
            if self.contract.format == "csv":
                data.to_csv(self._filepath, index=bool(self.contract.index), encoding="utf-8")
            else:
                write_table(data, self._filepath)

    def _save_partitions(self, data: Partitions) -> None:
        self._filepath.mkdir(parents=True, exist_ok=True)
        for old in self._filepath.glob("*.parquet"):
            old.unlink()
        for name, table in data.items():
            table = table() if callable(table) else table
            self.contract.check(table)
            write_table(table, self._filepath / f"{name}.parquet")
            del table  # before the next one is made

    def preview(self, nrows: int = 40) -> TablePreview:
        """First rows, for kedro-viz.

        Raises
        ------
        ContractError
            If a row of the table is about a person.
        """
        if self.contract.private:
            raise ContractError(f"table {self.contract.name} is private")
        return TablePreview(json.loads(self.load().head(nrows).to_json(orient="split")))

    def _exists(self) -> bool:
        if self.contract.format == "partitions":
            return self._filepath.is_dir() and any(self._filepath.glob("*.parquet"))
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "table": self.contract.name}


class _Partition:
    """One table of a folder, loaded when it is called."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self) -> pd.DataFrame:
        return read_table(self.file)
