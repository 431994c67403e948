"""Random bytes of the operating system, drawn many at a time.

A system call for each password and each nonce was measured at 15 to 40 µs on a virtual machine:
as much as a third of all that a row costs.
"""

from __future__ import annotations

import os
import secrets

_PIECE = 16
_PIECES = 256
_stock: list[bytes] = []
# What a parent and its forked child had in common, both would give out.
os.register_at_fork(after_in_child=_stock.clear)


def random_bytes(count: int) -> bytes:
    """Return fresh random bytes, fit for keys and passwords.

    None are given out twice: `list.pop` is atomic among threads, and a forked child starts anew.
    """
    pieces = [_piece() for _ in range(-(-count // _PIECE))]
    return b"".join(pieces)[:count]


def _piece() -> bytes:
    try:
        return _stock.pop()
    except IndexError:
        drawn = secrets.token_bytes(_PIECE * _PIECES)
        fresh = [drawn[at : at + _PIECE] for at in range(0, len(drawn), _PIECE)]
        piece = fresh.pop()
        _stock.extend(fresh)
        return piece
