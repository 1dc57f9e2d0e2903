"""Blocked gzip (BGZF), read so that damage is noticed.

Every block that is read is checked against its own checksum and length. Readers built on htslib's
iterators end at a damaged block as if the region were done.
"""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file

# The empty block that ends every complete file (SAM specification, section 4.1.2).
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_HEADER = struct.Struct("<4sIBBH")
_TRAILER = struct.Struct("<II")
_UNUSED = BGZF_END[4:10]
_MAGIC = b"\x1f\x8b\x08\x04"
# Inflated blocks that are kept, since neighbouring regions share them (64 KB each).
_KEPT = 64


class BgzfFile:
    """A complete BGZF file, read by block.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    InputError
        If the file is missing, empty, not BGZF, or its end block is missing.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._stream: BinaryIO = open_file(self.path)
        except OSError as error:
            raise InputError(
                f"cannot be opened ({error.strerror})",
                file=path,
                remedy="Check the path and the rights to read it.",
            ) from None
        self._unused = _UNUSED
        self._blocks: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        try:
            self._check()
        except InputError:
            self._stream.close()
            raise

    def _check(self) -> None:
        first = self._stream.read(4)
        self.size = self._stream.seek(0, 2)
        if not self.size:
            raise InputError("the file is empty", file=self.path, remedy="Copy it again.")
        if first != _MAGIC:
            what = "compressed with gzip, not bgzip" if first[:2] == _MAGIC[:2] else "not bgzipped"
            raise InputError(
                f"the file is {what}",
                file=self.path,
                remedy="Compress it with bgzip and index it (`bgzip`, then `tabix -p vcf`).",
            )
        self._stream.seek(max(0, self.size - len(BGZF_END)))
        if self._stream.read() != BGZF_END:
            raise InputError(
                "the file is truncated: the end-of-file block of BGZF is missing",
                file=self.path,
                remedy="Copy the file again, or write it with bgzip rather than gzip.",
            )

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._blocks.clear()

    def block(self, at: int) -> tuple[bytes, int]:
        """Content of the block that begins at a byte of the file, and where the next one begins.

        Empty at the end of the file.

        Raises
        ------
        InputError
            If there is no whole block there, or its content does not fit its checksum.
        """
        found = self._blocks.get(at)
        if found is not None:
            self._blocks.move_to_end(at)
            return found
        found = self._read(at)
        self._blocks[at] = found
        if len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return found

    def _read(self, at: int) -> tuple[bytes, int]:
        if at >= self.size:
            if at > self.size:
                raise self.damaged(at)
            return b"", at
        self._stream.seek(at)
        head = self._stream.read(_HEADER.size)
        if len(head) < _HEADER.size or head[:4] != _MAGIC:
            raise self.damaged(at)
        # No checksum covers these: time, flags and system, which BGZF does not use.
        if at == 0:
            self._unused = head[4:10]
        if head[4:8] != bytes(4) or head[4:10] not in (_UNUSED, self._unused):
            raise self.damaged(at)
        n_extra = _HEADER.unpack(head)[4]
        extra = self._stream.read(n_extra)
        size = _block_size(extra)
        rest = size - _HEADER.size - n_extra
        if size <= 0 or rest < _TRAILER.size:
            raise self.damaged(at)
        body = self._stream.read(rest)
        if len(body) < rest:
            raise self.damaged(at)
        checksum, length = _TRAILER.unpack(body[-_TRAILER.size :])
        try:
            inflate = zlib.decompressobj(-15)
            content = inflate.decompress(body[: -_TRAILER.size])
        except zlib.error:
            raise self.damaged(at) from None
        whole = inflate.eof and not inflate.unused_data
        if not whole or len(content) != length or zlib.crc32(content) != checksum:
            raise self.damaged(at)
        return content, at + size

    def damaged(self, at: int) -> InputError:
        """Error about the block that begins at a byte of the file."""
        return InputError(
            f"the compressed block at byte {at:,} is damaged, or the index is of another file",
            file=self.path,
            remedy="Copy the file again (compare checksums), then index it again.",
        )

    def __del__(self) -> None:
        self._stream.close() if hasattr(self, "_stream") else None


def _block_size(extra: bytes) -> int:
    """Total size of a block from its extra field, 0 if it is not said."""
    place = 0
    while place + 4 <= len(extra):
        name, length = (
            extra[place : place + 2],
            int.from_bytes(extra[place + 2 : place + 4], "little"),
        )
        if name == b"BC" and length == 2 and place + 6 <= len(extra):
            return int.from_bytes(extra[place + 4 : place + 6], "little") + 1
        place += 4 + length
    return 0


class Cursor:
    """Reads on from a place in a BGZF file.

    Parameters
    ----------
    file : BgzfFile
        The file.
    offset : int
        Virtual offset (block's byte × 65,536 + place in the block).
    """

    def __init__(self, file: BgzfFile, offset: int = 0) -> None:
        self._file = file
        at, self._place = offset >> 16, offset & 0xFFFF
        self._at = at
        self._data, self._next = file.block(at)
        if self._place > len(self._data):
            raise file.damaged(at)

    def tell(self) -> int:
        """Virtual offset of the next byte."""
        self._settle()
        return self._at << 16 | self._place

    def _settle(self) -> bool:
        """Move to the block that holds the next byte; False at the end of the file."""
        while self._place >= len(self._data):
            if self._next == self._at:
                return False
            self._at, self._place = self._next, 0
            self._data, self._next = self._file.block(self._at)
        return True

    def within_block(self) -> tuple[bytes, int]:
        """Content of the block that holds the next byte, and the byte's place in it."""
        self._settle()
        return self._data, self._place

    def skip(self, n: int) -> None:
        """Pass `n` bytes that the block still holds."""
        self._place += n

    def line(self) -> bytes:
        """Next line with its line feed; empty at the end of the file."""
        if not self._settle():
            return b""
        parts = []
        while True:
            end = self._data.find(b"\n", self._place)
            if end >= 0:
                parts.append(self._data[self._place : end + 1])
                self._place = end + 1
                break
            parts.append(self._data[self._place :])
            self._place = len(self._data)
            if not self._settle():
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read(self, n: int) -> bytes:
        """Next `n` bytes; fewer at the end of the file."""
        parts, wanted = [], n
        while wanted and self._settle():
            part = self._data[self._place : self._place + wanted]
            parts.append(part)
            self._place += len(part)
            wanted -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
