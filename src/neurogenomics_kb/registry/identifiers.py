"""Identifiers of people, found in texts and numbers in every spelling that tables give them.

An identifier changes on its way: spreadsheets drop zeros and add separators of thousands, tables of
numbers make ``1000001.0`` or ``1.000001e6`` of it, BIDS takes ``_`` away and puts ``sub-`` before
it, file systems change its case. What is encoded (base64, hashes) is not found, nor a bare number
where people are numbered from one on.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection
from urllib.parse import unquote

# Up to four digits identify nobody alone: any table has such numbers.
TELLING_DIGITS = 5
# People numbered from one on have the numbers of all counts up to theirs: alone, 20000 is as likely
# how many there are as somebody. Such numbers are at least one in two of those below the highest;
# of UK Biobank's of seven digits it is one in twelve.
RUNNING = 0.5
# What may stand between the parts of one identifier.
JOINT = re.compile(r"[\s\-_.,:/'’]{1,2}")
TOKEN = re.compile(r"[^\W_]+")
THOUSANDS = re.compile(r"(?<![^\W_])(?<!\d[.,])\d{1,3}(?:([,.'’ _])\d{3})(?:\1\d{3})*(?!\d)")
DECIMAL = re.compile(r"(?<![^\W_])\d+(?:\.\d+(?:e[-+]?\d+)?|e[-+]?\d+)(?![^\W_])")
# A short number is somebody's where a word says so.
LABELLED = re.compile(
    r"(?<![^\W_])(?:(?:sub|subject|participant|person|patient|individual|eid|iid)"
    r"[\s:#=_\-]{1,3}|sub)0*(\d+)(?![^\W_])"
)
ENCODED = re.compile(r"data:[\w/+.-]+;base64,[\w+/=]+")
ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


class Identifiers:
    """Identifiers to look for, prepared once.

    Parameters
    ----------
    ids : collection of str
        As the cohort's tables have them, raw and canonical, those of excluded and withdrawn people
        included.

    Examples
    --------
    >>> known = Identifiers(["sub-NDARINV0A1B", "1000001"])
    >>> [known.in_text(t) for t in ("SUB_NDAR_INV0A1B", "1,000,001", "eid 1000001.0", "1000002")]
    [True, True, True, False]
    """

    def __init__(self, ids: Collection[str] = ()) -> None:
        raw = {str(i) for i in ids}
        self._n = len(raw)
        self._whole: set[str] = set()
        self._numbers: set[str] = set()
        self._labelled: set[str] = set()
        self._parts, self._split_digits = 2, False
        for one in raw:
            self._add(re.sub(r"(?<=\d)\.0+$", "", one))
        self._forget_running_numbers()

    def _add(self, one: str) -> None:
        parts = TOKEN.findall(_plain(one))
        self._parts = max(self._parts, len(parts) + 1)
        self._split_digits |= len(parts) > 1 and all(p.isdigit() for p in parts)
        key = "".join(parts)
        # BIDS puts `sub-` before what the database calls somebody.
        bare = key.removeprefix("sub")
        keys = {key, ZEROS.sub("", key)} | ({bare} if len(bare) >= TELLING_DIGITS else set())
        self._whole.update(k for k in keys if k and _tells(k))
        # With a prefix of the database's, the number alone says who it is.
        tail = re.fullmatch(r"(?:\D*)(\d+)", key)
        if tail:
            number = tail.group(1).lstrip("0") or "0"
            self._labelled.add(number)
            if len(number) >= TELLING_DIGITS:
                self._numbers.add(number)

    def _forget_running_numbers(self) -> None:
        """Ask for a word before the numbers of people who were numbered from one on."""
        highest = max(map(int, self._numbers), default=0)
        if len(self._labelled) < RUNNING * highest:
            return
        self._whole -= {k for k in self._whole if k.isdigit() and k[0] != "0"}
        self._numbers.clear()

    def __len__(self) -> int:
        return self._n

    def is_number(self, value: float) -> bool:
        """Whether a number is somebody's.

        Parameters
        ----------
        value : float
            Any number; only whole ones can be.
        """
        whole = value == value and abs(value) < 1e15 and float(value).is_integer()
        return whole and self._is(str(int(value)))

    def in_text(self, text: str) -> bool:
        """Whether a text names somebody, also inside a file name.

        Parameters
        ----------
        text : str
            Any; pictures inside a page are left out.
        """
        if not self._n:
            return False
        text = ENCODED.sub(" ", text)
        return self._found(text) or ("%" in text and self._found(unquote(text)))

    def _found(self, text: str) -> bool:
        text = _plain(html.unescape(text))
        if any(self._is(re.sub(r"\D", "", m.group())) for m in THOUSANDS.finditer(text)):
            return True
        if any(self.is_number(float(m.group())) for m in DECIMAL.finditer(text)):
            return True
        if any(m.group(1) in self._labelled for m in LABELLED.finditer(text)):
            return True
        # The digits after a decimal point are no number of their own.
        return self._in_words(DECIMAL.sub(" ", text))

    def _in_words(self, text: str) -> bool:
        tokens = list(TOKEN.finditer(text))
        for i, first in enumerate(tokens):
            joined, end, digits = first.group(), first.end(), first.group().isdigit()
            if self._is(joined):
                return True
            for token in tokens[i + 1 : i + self._parts]:
                if not JOINT.fullmatch(text, end, token.start()):
                    break
                joined, end = joined + token.group(), token.end()
                digits &= token.group().isdigit()
                # Dates and lists of numbers, unless identifiers look so themselves.
                if (self._split_digits or not digits) and self._is(joined):
                    return True
        return False

    def _is(self, key: str) -> bool:
        short = ZEROS.sub("", key)
        return key in self._whole or short in self._whole or short in self._numbers


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _tells(key: str) -> bool:
    return not key.isdigit() or len(key) >= TELLING_DIGITS
