"""Shares of work that processes of their own do, on one machine or on many.

Which share an item belongs to follows from the hash of what names it, so that every process finds
the same without asking another, in whatever order the items come.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from neurogenomics_kb.foundation.errors import InputError


@dataclass(frozen=True)
class Shard:
    """One of several shares.

    Parameters
    ----------
    number : int
        Which one, from 1.
    of : int
        How many there are.

    Examples
    --------
    >>> [s.number for s in (Shard(i, 3) for i in (1, 2, 3)) if s.holds("sub-01")]
    [2]
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise InputError(
                f"there is no shard {self.number} of {self.of}",
                column="--shard",
                remedy="Number them from 1, for instance 1/16 to 16/16.",
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Shard from its notation.

        Parameters
        ----------
        text : str
            Such as ``3/16``.

        Raises
        ------
        InputError
            If it is written otherwise, or there is no such shard.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if found is None:
            raise InputError(
                f"'{text}' is no shard", column="--shard", remedy="Write for instance 3/16."
            )
        return cls(int(found[1]), int(found[2]))

    def holds(self, name: str | bytes) -> bool:
        """Whether an item is in this share.

        Parameters
        ----------
        name : str or bytes
            What names the item: the hash of a sequence, a subject.
        """
        return share_number(name, self.of) == self.number

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def share_number(name: str | bytes, of: int) -> int:
    """Number of the share that an item is in.

    Parameters
    ----------
    name : str or bytes
        What names the item.
    of : int
        How many shares there are.
    """
    data = name.encode() if isinstance(name, str) else bytes(name)
    digest = hashlib.sha256(b"shard\0" + data).digest()
    return int.from_bytes(digest[:8], "big") % of + 1
