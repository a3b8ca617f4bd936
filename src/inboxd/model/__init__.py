"""The vocabulary and the rules: plain types and pure functions that every other floor shares.

Nothing here waits, reads a file, opens a socket or knows a library of another floor.
"""

from __future__ import annotations
