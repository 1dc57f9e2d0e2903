"""Tables with a row per person, or per image or visit of a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.foundation.delimited import read_text_table
from neurogenomics_kb.foundation.tables import (
    as_numbers,
    decode_columns,
    require_columns,
    require_numbers,
)


class PeopleTableDataset(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """A table of people, delimited by tabs, commas or semicolons.

    The file is UTF-8 text, also compressed by gzip. Blanks around text are cut off, columns without
    a name and blank rows left out, and rows that do not have the header's cells refused.

    Parameters
    ----------
    filepath : str
        The table.
    decode : bool
        Whether columns in which all values are numbers become numbers and words such as ``NA``
        gaps. Without, all is text and the dataset card says what it means: so ``None`` can be a
        level and ``01`` a site.
    ids : list of str
        Columns that stay text beside the first one and those with a usual name of ids.
    numbers : list of str
        Columns that must hold numbers and gaps.

    Examples
    --------
    .. code-block:: yaml

        participants:
          type: neurogenomics_kb.datasets.PeopleTableDataset
          filepath: ${cohort_dir:${globals:cohort}}/participants.tsv
          decode: false

        fmri.group_motion:
          type: neurogenomics_kb.datasets.PeopleTableDataset
          filepath: ${cohort_dir:${globals:cohort}}/group_bold.tsv
          numbers: [fd_mean]

    >>> PeopleTableDataset(filepath="participants.tsv").exists()
    False
    """

    def __init__(
        self,
        *,
        filepath: str,
        decode: bool = True,
        ids: Sequence[str] = (),
        numbers: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._decode, self._ids, self._numbers = decode, list(ids), list(numbers)
        self.metadata = metadata

    @property
    def choices(self) -> str:
        """What else than the file decides what is loaded, for the run's fingerprint."""
        return f"decode {self._decode}, ids {self._ids}, numbers {self._numbers}"

    def load(self) -> pd.DataFrame:
        """The table; ``attrs`` say what was left out."""
        return read_people(
            require_file(self._filepath, "table"),
            decode=self._decode,
            ids=self._ids,
            numbers=self._numbers,
        )

    def save(self, data: pd.DataFrame) -> None:
        """Write it with tabs (commas where the file's ending says so) and ``n/a`` for gaps."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        delimiter = "," if self._filepath.suffix == ".csv" else "\t"
        data.to_csv(self._filepath, sep=delimiter, na_rep="n/a", index=False, lineterminator="\n")

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "decode": self._decode}


def read_people(
    path: str | Path,
    *,
    decode: bool = True,
    ids: Sequence[str] = (),
    numbers: Sequence[str] = (),
) -> pd.DataFrame:
    """Table of people from a file.

    Parameters
    ----------
    path : str or Path
        File or folder to read.
    decode : bool
        Numbers and gaps instead of text, see `decode_columns`.
    ids : sequence of str
        Columns that stay text.
    numbers : sequence of str
        Columns that must hold numbers and gaps.

    Raises
    ------
    InputError
        If the file cannot be read whole, or one of `numbers` is missing or holds something else.
    """
    table = read_text_table(path)
    require_columns(table, numbers, str(path))
    for column in numbers:
        require_numbers(table[column], str(path), column)
    if not decode:
        return table
    decoded = decode_columns(table, ids)
    for column in numbers:
        decoded[column] = as_numbers(table[column])
    return decoded
