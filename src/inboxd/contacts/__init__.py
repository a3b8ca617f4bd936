"""Sources of contacts (P24): each turns what it is given into new contacts and named problems."""

from __future__ import annotations
