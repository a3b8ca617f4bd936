"""Towards SMTP servers: trying a login, and later sending. Permanence is decided here."""

from __future__ import annotations
