"""Tables of fields as UK Biobank exports them, and raw data without those who withdrew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.extracts.families import read_families
from neurogenomics_kb.extracts.read import find_tables, read_extract
from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.extracts.withdrawn import lists_fingerprint, read_withdrawn, without_withdrawn
from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Table
from neurogenomics_kb.registry.cohorts import find_dataset


class FieldTablesDataset(ReadOnlyDataset[pd.DataFrame]):
    """Columns that a dataset card maps, from all tables of a folder, joined on the id.

    Tables may be CSV, TSV (also gzipped) or Parquet, have thousands of columns, and spell fields as
    ``31-0.0``, ``p31`` or ``f.31.0.0``. Only mapped columns are read. Codes stay as they are: the
    card decodes them when the table is validated. Its parameters are what a catalog entry states.

    Parameters
    ----------
    filepath : str
        Folder of the tables.
    cohort : str
        Cohort whose dataset card, with its parts, holds the table.
    table : str or list of str
        Name of the table on the card; of several, the columns are read together.
    kb : str
        Folder of the knowledge base.
    visit : int, optional
        Instance of the columns that follow the visit, instead of the one on the card.
    withdrawn : str, optional
        Folder with the lists of withdrawn participants, who are left out first.
    relatedness : str, optional
        Table of related pairs, from which the families on the card are made.
    features : bool
        Load canonical columns indexed by subject, validated, for modality pipelines; who has no
        value at all is left out.

    Examples
    --------
    .. code-block:: yaml

        participants:
          type: neurogenomics_kb.datasets.FieldTablesDataset
          filepath: data/01_raw/ukb/tables
          cohort: ukb
          table: participants
          withdrawn: data/01_raw/ukb/withdrawn
          visit: 2

    >>> FieldTablesDataset(filepath="tables", cohort="ukb", table="participants").exists()
    False
    """

    why = "an extract is exported from the platform"

    def __init__(
        self,
        *,
        filepath: str,
        cohort: str,
        table: str | list[str],
        kb: str = "kb",
        visit: int | None = None,
        withdrawn: str | None = None,
        relatedness: str | None = None,
        features: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._cohort, self._kb = cohort, Path(kb)
        self._tables = [table] if isinstance(table, str) else list(table)
        self._visit, self._features = visit, features
        self._withdrawn = None if withdrawn is None else Path(withdrawn)
        self._relatedness = None if relatedness is None else Path(relatedness)
        self.metadata = metadata

    @property
    def choices(self) -> str:
        """What else than the files decides what is loaded, for the run's fingerprint."""
        lists = "" if self._withdrawn is None else lists_fingerprint(self._withdrawn)
        return f"visit {self._visit}, withdrawn {lists}"

    def card(self) -> Table:
        """Table of the dataset card; of several tables, the first with the columns of all.

        Raises
        ------
        InputError
            If the cohort has no card, or the card no such table, or tables name their ids
            differently.
        """
        dataset = find_dataset(Registry(self._kb), self._cohort)
        for name in self._tables:
            if name not in dataset.tables:
                raise InputError(
                    f"there is no table '{name}'{nearest(name, dataset.tables)}",
                    file=f"dataset card '{dataset.id}'",
                    remedy="Correct the catalog entry, or add the table to a card of the cohort.",
                )
        tables = [dataset.tables[name] for name in self._tables]
        if len({table.id_column for table in tables}) > 1:
            raise InputError(
                f"tables {listing(self._tables)} name their ids differently",
                file=f"dataset card '{dataset.id}'",
                column="id_column",
                remedy="Read them by one catalog entry each.",
            )
        columns = {source: c for table in tables for source, c in table.columns.items()}
        return tables[0].model_copy(update={"columns": columns})

    def load(self) -> pd.DataFrame:
        """Source columns with the id column, or canonical ones indexed by subject."""
        card = self.card()
        withdrawn = frozenset() if self._withdrawn is None else read_withdrawn(self._withdrawn)
        kinship = card.kinship if self._relatedness is not None else None
        data = read_extract(
            find_tables(self._filepath),
            card,
            visit=self._visit,
            withdrawn=withdrawn,
            supplied=[] if kinship is None else kinship.supplies,
        )
        if kinship is not None:
            ids = pd.Index(data[card.id_column])
            families = read_families(self._relatedness, ids, kinship)
            data[kinship.supplies] = families.to_numpy()
        if not self._features:
            return data
        return standardize_table(data, card).dropna(how="all").rename_axis(SUBJECT)

    def _exists(self) -> bool:
        return self._filepath.is_dir() and any(self._filepath.iterdir())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "cohort": self._cohort, "table": self._tables}


class WithoutWithdrawnDataset(ReadOnlyDataset[Any]):
    """Any raw dataset without the people on the lists of withdrawn participants.

    Tables lose their rows, folders with one file per subject these files. A variant file is refused
    while it holds them, with the command that takes them out.

    Parameters
    ----------
    dataset : mapping
        Catalog entry of the data.
    withdrawn : str
        Folder with the lists (``w*.csv``).
    id_column : str, optional
        Column of a table's subject ids; its index by default.

    Examples
    --------
    .. code-block:: yaml

        genomics.polygenic_scores:
          type: neurogenomics_kb.datasets.WithoutWithdrawnDataset
          withdrawn: data/01_raw/ukb/withdrawn
          id_column: eid
          dataset:
            type: pandas.CSVDataset
            filepath: data/01_raw/ukb/genomics/polygenic_scores.csv

    >>> entry = {"type": "pandas.CSVDataset", "filepath": "scores.csv"}
    >>> WithoutWithdrawnDataset(dataset=entry, withdrawn="withdrawn").exists()
    False
    """

    why = "raw data of a cohort with withdrawals are not written"

    def __init__(
        self,
        *,
        dataset: dict[str, Any],
        withdrawn: str,
        id_column: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._dataset = AbstractDataset.from_config("inner", dict(dataset))
        inner = getattr(self._dataset, "_filepath", None) or getattr(self._dataset, "_path", "")
        self._filepath = Path(str(inner))
        self._withdrawn, self._id_column = Path(withdrawn), id_column
        self.metadata = metadata

    @property
    def choices(self) -> str:
        """What else than the files decides what is loaded, for the run's fingerprint."""
        inner = getattr(self._dataset, "choices", "")
        return f"withdrawn {lists_fingerprint(self._withdrawn)}{inner}"

    def load(self) -> Any:
        """Data of everybody who takes part."""
        withdrawn = read_withdrawn(self._withdrawn)
        data = self._dataset.load()
        return without_withdrawn(data, withdrawn, self._filepath.name, self._id_column)

    def _exists(self) -> bool:
        return self._dataset.exists()

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._dataset._describe(), "withdrawn": str(self._withdrawn)}
