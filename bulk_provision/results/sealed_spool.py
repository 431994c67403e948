"""A temporary file whose bytes on the disk nobody can read.

They are encrypted (AES-256 in counter mode) under a key that lives in this process's memory only,
and is drawn anew for each file. Nothing guards the bytes against being changed: the file has no
name, and is read again by the process that wrote it.
"""

from __future__ import annotations

import os
import secrets
from io import BufferedIOBase, UnsupportedOperation
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import ReadableBuffer


class SealedSpool(BufferedIOBase):
    """Is written from its beginning to its end, then read the same way, as often as needed.

    `seek` knows two places, the beginning and the end, and only at the end can be written.

    Args:
        folder: where the file lies; it has no name there.
    """

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - see `close`
        self._cipher = Cipher(AES256(secrets.token_bytes(32)), CTR(secrets.token_bytes(16)))
        self._sealing = self._cipher.encryptor()
        self._opening = self._cipher.decryptor()
        self._size = 0
        self._place = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is, at its end."""
        return True

    def seekable(self) -> bool:
        """It is, as far as `seek` goes."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Add to its end; returns the number of bytes."""
        if self._place != self._size:
            raise UnsupportedOperation("what is written already cannot be changed")
        with memoryview(data) as view:
            written = view.nbytes
            self._file.write(self._sealing.update(view))
        self._size = self._place = self._size + written
        return written

    def read(self, size: int | None = -1) -> bytes:
        """Read on, at most `size` bytes; all that is left when it is negative or None."""
        data = self._opening.update(self._file.read(-1 if size is None else size))
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to the beginning or to the end; returns the place."""
        if offset or whence not in (os.SEEK_SET, os.SEEK_END):
            raise UnsupportedOperation("only the beginning and the end can be gone to")
        self._file.seek(0, whence)
        if whence == os.SEEK_SET:
            self._opening = self._cipher.decryptor()
        self._place = 0 if whence == os.SEEK_SET else self._size
        return self._place

    def tell(self) -> int:
        """Return the place, in bytes from the beginning."""
        return self._place

    def flush(self) -> None:
        """Hand the encrypted bytes to the operating system."""
        if not self.closed:
            self._file.flush()

    def close(self) -> None:
        """Close it, which is the end of it."""
        try:
            super().close()
        finally:
            self._file.close()
