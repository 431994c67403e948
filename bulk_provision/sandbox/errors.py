"""The sandbox's own exception: it shares none with the program that is tested against it."""

from __future__ import annotations


class SandboxOptionError(ValueError):
    """An option of the sandbox does not make sense; the text says which, why and what to write."""
