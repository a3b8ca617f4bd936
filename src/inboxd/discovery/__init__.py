"""Where the mail servers of an address are (P1): known providers, DNS, and careful guesses."""

from __future__ import annotations
