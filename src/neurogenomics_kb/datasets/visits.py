"""Children and their visits from a BIDS folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.extracts.visits import CHILD, SESSION, join_visits
from neurogenomics_kb.foundation.delimited import NOTES, notes_of, read_text_table
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tables import decode_columns, is_gap

SESSIONS = "sessions.tsv"


class BidsVisitsDataset(ReadOnlyDataset[pd.DataFrame]):
    """One row per visit of a BIDS folder, called ``<subject>_<session>``.

    ``participants.tsv`` gives what belongs to the child, ``sessions.tsv`` (one for the cohort, or
    one per child as ``sub-*/sub-*_sessions.tsv``) what belongs to the visit, and files of
    ``phenotype/`` what was measured. Children without a visit are not among the rows.

    Parameters
    ----------
    filepath : str
        The BIDS folder.
    phenotype : list of str, optional
        Files of ``phenotype/`` to join. With them columns of numbers are decoded; without, all is
        text and the dataset card says what it means.

    Examples
    --------
    .. code-block:: yaml

        participants:
          type: neurogenomics_kb.datasets.BidsVisitsDataset
          filepath: data/01_raw/cha_dev

        behaviour.instruments:
          type: neurogenomics_kb.datasets.BidsVisitsDataset
          filepath: data/01_raw/cha_dev
          phenotype: [language.tsv, attention.tsv]

    >>> BidsVisitsDataset(filepath="nowhere").exists()
    False
    """

    def __init__(
        self,
        *,
        filepath: str,
        phenotype: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        # The folder holds the cohort's images too; what is read here are a few tables.
        self._filepath = Path(filepath) / "participants.tsv"
        self._folder = Path(filepath)
        self._phenotype = list(phenotype)
        self.metadata = metadata

    @property
    def choices(self) -> str:
        """Contents of the other tables, for the run's fingerprint."""
        files = [self._folder / SESSIONS, *sorted(self._folder.glob("sub-*/sub-*_sessions.tsv"))]
        files += [self._folder / "phenotype" / name for name in self._phenotype]
        digests = [hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()]
        return " ".join([*self._phenotype, *digests])

    def load(self) -> pd.DataFrame:
        """One row per visit."""
        participants = self._read("participants.tsv", "table of participants")
        phenotypes = {
            f"phenotype/{name}": self._read(f"phenotype/{name}", "instrument")
            for name in self._phenotype
        }
        sessions = self._sessions()
        table = join_visits(participants, sessions, phenotypes)
        notes = [n for t in (participants, sessions, *phenotypes.values()) for n in notes_of(t)]
        table.attrs = {NOTES: notes} if notes else {}
        return decode_columns(table, (CHILD, SESSION)) if self._phenotype else table

    def _sessions(self) -> pd.DataFrame:
        if (self._folder / SESSIONS).is_file():
            return self._read(SESSIONS, "table of sessions")
        tables = []
        for file in sorted(self._folder.glob("sub-*/sub-*_sessions.tsv")):
            table = self._read(str(file.relative_to(self._folder)), "table of sessions")
            tables.append(table.assign(**{CHILD: file.parent.name}))
        if not tables:
            raise InputError(
                "there is neither a sessions.tsv nor one below any sub-*",
                file=self._folder / SESSIONS,
                remedy=f"Write one with {CHILD}, {SESSION} and the age at the visit.",
            )
        joined = pd.concat(tables, ignore_index=True)
        joined.attrs = {NOTES: [note for table in tables for note in notes_of(table)]}
        return joined

    def _read(self, name: str, what: str) -> pd.DataFrame:
        file = require_file(self._folder / name, what)
        table = read_text_table(file)
        for column in {CHILD, SESSION} & set(table):
            table[column] = table[column].mask(is_gap(table[column]))
        return table

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "phenotype": self._phenotype}
