"""How this process uses its memory."""

from __future__ import annotations

import ctypes
import gc

MAPPED_BYTES = 1024 * 1024
"""Blocks from this size on go back to the system as soon as they are freed. By itself glibc moves
that border up to 32 MiB once such blocks come and go, and keeps what a history has used: 16 MiB
more of a peak of 187."""

_M_MMAP_THRESHOLD = -3
"""mallopt(3)"""


def prepare() -> None:
    """At the start, before much is allocated."""
    # Other C libraries than glibc have no such knob, and no such habit.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)


def settle() -> None:
    """Once everything is there that stays; until here nothing was collected.

    Without this each full collection would look at all of its 130,000 objects and hold up every
    account for 70 ms (measured).
    """
    gc.freeze()
    gc.enable()
