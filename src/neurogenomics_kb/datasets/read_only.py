"""Datasets that no pipeline writes."""

from __future__ import annotations

from typing import Generic, TypeVar

from kedro.io import AbstractDataset, DatasetError

Loaded = TypeVar("Loaded")


class ReadOnlyDataset(AbstractDataset[None, Loaded], Generic[Loaded]):
    """Base of datasets that are only read; saving to one is refused in one place.

    Subclasses say in `why` who writes the files, as a clause.
    """

    why: str = "raw data of a cohort are not written by this project"

    def save(self, data: None) -> None:
        """Refuse.

        Raises
        ------
        DatasetError
        """
        raise DatasetError(f"{type(self).__name__} is read only: {self.why}")
