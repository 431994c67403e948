"""Passwords at rest: sealed with AES-256-GCM under a key that does not lie in the ledger.

A sealed password is `version (1 byte) ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag`, in base64.
It is bound to its account and username (as associated data), so that a sealed password copied to
another row does not open. The nonce is random: safe for 2^32 passwords under one key (NIST
SP 800-38D).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bulk_provision.errors import KeyMismatchError, LedgerError
from bulk_provision.randomness import random_bytes

_VERSION = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER = 1 + _ID_BYTES


class Vault:
    """Seals and opens the passwords of one account's endpoints.

    Args:
        key: 32 random bytes.
        scope: what the passwords belong to, "appid base_url".
    """

    def __init__(self, key: bytes, scope: str) -> None:
        self._aead = AESGCM(key)
        self._marking_key = hashlib.blake2b(b"mark", key=key, digest_size=32).digest()
        self._prefix = _VERSION + bytes.fromhex(key_id(key))
        self._scope = scope.encode() + b"\0"

    def __repr__(self) -> str:
        return "Vault(•••)"

    def seal(self, username: str, password: str) -> str:
        """Encrypt a password for the ledger."""
        nonce = random_bytes(_NONCE_BYTES)
        plain = password.encode("utf-8", "surrogatepass")
        box = self._aead.encrypt(nonce, plain, self._bound_to(username))
        return binascii.b2a_base64(self._prefix + nonce + box, newline=False).decode("ascii")

    def open(self, username: str, sealed: str) -> str:
        """Decrypt what `seal` made for the same username.

        Raises:
            KeyMismatchError: sealed under another key, for another username, or damaged.
        """
        try:
            whole = binascii.a2b_base64(sealed, strict_mode=True)
        except ValueError:
            raise _damaged(username) from None
        if whole[:_HEADER] != self._prefix:
            raise KeyMismatchError(
                "A password in the ledger was encrypted under another key.",
                "Give the key that the ledger was made with (BULK_PROVISION_KEY or its key file).",
            )
        nonce, box = whole[_HEADER : _HEADER + _NONCE_BYTES], whole[_HEADER + _NONCE_BYTES :]
        try:
            plain = self._aead.decrypt(nonce, box, self._bound_to(username))
        except (InvalidTag, ValueError):  # ValueError: cut off within the nonce
            raise _damaged(username) from None
        return plain.decode("utf-8", "surrogatepass")

    def mark(self, username: str, password: str) -> str:
        """Return a keyed fingerprint: tells whether a password is still the same, nothing more."""
        plain = self._bound_to(username) + b"\0" + password.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(plain, key=self._marking_key, digest_size=12).hexdigest()

    def _bound_to(self, username: str) -> bytes:
        return self._scope + username.encode("utf-8", "surrogatepass")


def _damaged(username: str) -> KeyMismatchError:
    return KeyMismatchError(
        f"The password kept for {username!r} cannot be decrypted: the ledger was damaged "
        "or changed by another program.",
        "Restore the ledger from a backup.",
    )


def key_id(key: bytes) -> str:
    """Return eight hex digits that tell keys apart and give nothing of the key away."""
    return hashlib.sha256(b"bulk-provision key id" + key).hexdigest()[: 2 * _ID_BYTES]


def load_key(text: str | None, key_file: Path, *, may_create: bool) -> bytes:
    """Return the ledger's key: from BULK_PROVISION_KEY, else from its file, else newly made.

    Args:
        text: the value of BULK_PROVISION_KEY, or None.
        key_file: where the key lies when it is not in the environment; made with mode 0600.
        may_create: whether a missing file may be made anew (only for a ledger without passwords).

    Raises:
        KeyMismatchError: the key is missing.
        LedgerError: the key is there but is no key, or its file cannot be read or made.
    """
    if text:
        return decoded_key(text, "BULK_PROVISION_KEY")
    try:
        return decoded_key(key_file.read_text("ascii"), str(key_file))
    except FileNotFoundError:
        if not may_create:
            raise KeyMismatchError(
                f"The key that this ledger's passwords are encrypted with is missing: {key_file}.",
                "Put the key file back, or set BULK_PROVISION_KEY to its content.",
            ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise LedgerError(
            f"The key file {key_file} cannot be read: {problem}.",
            "Check who owns it and its mode (0600).",
        ) from problem
    return _new_key_file(key_file)


def new_key() -> bytes:
    """Make a key."""
    return os.urandom(_KEY_BYTES)


def _new_key_file(key_file: Path) -> bytes:
    key = new_key()
    try:
        write_key(key_file, key)
    except FileExistsError:  # another process was first: its key is the key
        return decoded_key(key_file.read_text("ascii"), str(key_file))
    return key


def write_key(key_file: Path, key: bytes) -> None:
    """Write a key into a new file, mode 0600: whole or not at all, and never over another's key.

    Raises:
        FileExistsError: the file is there already.
        LedgerError: it cannot be written.
    """
    aside = key_file.with_name(f"{key_file.name}.{os.urandom(8).hex()}.new")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(f"{encoded_key(key)}\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(aside, key_file)  # whole or not at all, and never over another's key
        finally:
            aside.unlink()
        _sync_folder(key_file.parent)
    except FileExistsError:
        raise
    except OSError as problem:
        raise LedgerError(
            f"The key file {key_file} cannot be made: {problem}.",
            "Name a ledger in a folder that you may write to, or set BULK_PROVISION_KEY.",
        ) from problem


def _sync_folder(folder: Path) -> None:
    """Let the key file's name survive a power cut: what it encrypts will survive one."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def encoded_key(key: bytes) -> str:
    """Return a key as text, in base64."""
    return base64.urlsafe_b64encode(key).decode("ascii")


def decoded_key(text: str, origin: str) -> bytes:
    """Return the key that a text holds, in base64.

    Raises:
        LedgerError: it holds none.
    """
    try:
        key = base64.urlsafe_b64decode(text.strip().encode("ascii"))
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise LedgerError(
            f"{origin} does not hold a key: 32 bytes in base64 are wanted.",
            "Use the key that was made with the ledger.",
        )
    return key
