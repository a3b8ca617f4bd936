"""The routes, one file per noun."""

from __future__ import annotations
