"""What a stored table holds, what it means and who may see it: one contract per table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from neurogenomics_kb.foundation.errors import Defect, listing
from neurogenomics_kb.foundation.naming import WAVE

Kind = Literal["text", "number", "integer", "flag"]
Format = Literal["csv", "parquet", "json", "partitions"]
# Folder of data/ by layer of kedro-viz, and whether an experiment has a folder of its own there.
LAYERS = {
    "raw": ("01_raw", False),
    "intermediate": ("02_intermediate", False),
    "primary": ("03_primary", False),
    "feature": ("04_feature", False),
    "model_input": ("05_model_input", True),
    "models": ("06_models", True),
    "model_output": ("07_model_output", True),
    "reporting": ("08_reporting", True),
}
SUFFIX = {"csv": ".csv", "parquet": ".parquet", "json": ".json", "partitions": ""}


class ContractError(Defect):
    """A table that a node made is not what its contract says: a defect of the program."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Name in the file.
    meaning : str
        What a cell says, in one sentence.
    kind : {"number", "integer", "text", "flag"}
        Type; gaps are allowed in all of them. Default number.
    unit : str
        Unit of the numbers; empty where they have none.
    """

    name: str
    meaning: str
    kind: Kind = "number"
    unit: str = ""


@dataclass(frozen=True)
class Contract:
    """A table that a node saves.

    Parameters
    ----------
    name : str
        Name in the catalog, such as ``integration.cca``.
    meaning : str
        What a row is, in one sentence.
    layer : str
        Layer in kedro-viz, which also says in which folder of ``data/`` the table lies.
    columns : tuple of Column
        Columns that a table with rows must have, in any order.
    format : {"csv", "parquet", "json", "partitions"}
        How it is stored; partitions are a folder of Parquet tables. Default parquet.
    private : bool
        Whether a row is about one person, so that it stays where the cohort's data may be. The
        default; only what says False is previewed, tracked or published.
    index : str
        Name of the index of rows, to which longitudinal cohorts may add the wave; empty where rows
        are only counted.
    further : str
        Meaning of columns that the contract does not name (features); empty refuses them.
    file : str
        Path below the cohort's folder of the layer; the name in the catalog by default.
    tracked : str
        Folder of the artifact on the tracking server; empty where the table is not sent there.
    on_card : bool
        Whether the whole table travels beside the result card.
    preview_rows : int
        Rows that kedro-viz shows. Default 40.
    by_column : bool
        Whether loading gives a `foundation.wide.StoredTable`, of which columns are read when they
        are wanted, in place of the table. Default False.
    """

    name: str
    meaning: str
    layer: str
    columns: tuple[Column, ...] = ()
    format: Format = "parquet"
    private: bool = True
    index: str = ""
    further: str = ""
    file: str = ""
    tracked: str = ""
    on_card: bool = False
    preview_rows: int = 40
    by_column: bool = False
    names: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise ContractError(f"{self.name}: there is no layer '{self.layer}'")
        if self.private and (self.tracked or self.on_card):
            raise ContractError(f"{self.name}: a private table cannot be tracked or published")
        if self.on_card and self.format != "csv":
            raise ContractError(f"{self.name}: tables beside a card are CSV")
        object.__setattr__(self, "names", tuple(c.name for c in self.columns))

    @property
    def seen_by(self) -> str:
        """Who may see the table."""
        if self.private:
            return "who may see the cohort's data"
        if self.on_card:
            return "whoever reads the knowledge base"
        return "whoever reads the tracking server" if self.tracked else "whoever reads the lineage"

    def path(self, root: str, cohort: str, experiment: str) -> str:
        """Place of the table.

        Parameters
        ----------
        root : str
            Folder of all data.
        cohort, experiment : str
            Ids; layers before the experiment have no folder for it.
        """
        folder, own = LAYERS[self.layer]
        parts = [root, folder, cohort, *([experiment] if own else [])]
        return "/".join([*parts, self.file or self.name.split(".", 1)[-1] + SUFFIX[self.format]])

    def metadata(self) -> dict[str, dict[str, object]]:
        """Metadata of the catalog entry: layer, preview and artifact.

        Previews of private tables are the literal False: kedro-viz shows everything else.
        """
        viz: dict[str, object] = {"layer": self.layer}
        if self.private or self.format == "json":
            viz["preview"] = False
        else:
            viz["preview_args"] = {"nrows": self.preview_rows}
        out: dict[str, dict[str, object]] = {"kedro-viz": viz}
        if self.tracked:
            out["mlflow"] = {"artifact": self.tracked}
        return out

    def empty(self) -> pd.DataFrame:
        """The table without rows, as an analysis that was not asked for leaves it."""
        index = pd.Index([], name=self.index) if self.index else None
        return pd.DataFrame(columns=list(self.names), index=index)

    def check(self, table: pd.DataFrame) -> None:
        """Refuse a table that is not what the contract says.

        Parameters
        ----------
        table : DataFrame
            One without rows and columns stands for what was not collected and passes.

        Raises
        ------
        ContractError
            Naming the columns that are missing, that nobody described, or whose type is another.
        """
        if table.empty and not len(table.columns):
            return
        missing = [c for c in self.names if c not in table]
        strange = [] if self.further else [str(c) for c in table if c not in self.names]
        if missing or strange:
            found = [f"lacks {listing(missing)}"] if missing else []
            found += [f"has {listing(strange)}, which its contract does not name"] * bool(strange)
            raise ContractError(f"table {self.name} {' and '.join(found)}")
        wrong = [
            f"{c.name} ({table[c.name].dtype} instead of {c.kind})"
            for c in self.columns
            if not _is_kind(table[c.name], c.kind)
        ]
        if wrong:
            raise ContractError(f"table {self.name} holds other types: {listing(wrong)}")
        # In longitudinal cohorts a row of a person is one of their waves.
        if self.index and tuple(table.index.names) not in ((self.index,), (self.index, WAVE)):
            raise ContractError(
                f"the index of table {self.name} is {listing(table.index.names)}, not {self.index}"
            )


def _is_kind(values: pd.Series, kind: Kind) -> bool:
    """Whether a column holds values of a kind; gaps belong to all."""
    types = pd.api.types
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.cat.categories.to_series()
    if isinstance(values.dtype, pd.StringDtype):
        return kind == "text" or not values.notna().any()
    known = values.dropna()
    if known.empty:
        return True
    flag = types.is_bool_dtype(known.dtype) or known.map(lambda v: isinstance(v, bool)).all()
    if kind == "flag":
        return bool(flag)
    if kind == "text":
        return bool(known.map(lambda v: isinstance(v, str)).all())
    if flag or not types.is_numeric_dtype(known.dtype):
        return False
    return kind == "number" or types.is_integer_dtype(known.dtype) or bool((known % 1 == 0).all())


def by_name(contracts: Iterable[Contract]) -> Mapping[str, Contract]:
    """Contracts by the name of their table.

    Raises
    ------
    ContractError
        If two claim one name or one file.
    """
    out: dict[str, Contract] = {}
    places: dict[str, str] = {}
    for contract in contracts:
        place = contract.path("data", "cohort", "experiment")
        if contract.name in out or place in places:
            raise ContractError(f"two contracts claim {contract.name} or {place}")
        out[contract.name] = contract
        places[place] = contract.name
    return out
