"""Telling others of what was committed."""

from __future__ import annotations
