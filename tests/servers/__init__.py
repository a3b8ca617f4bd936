"""Servers, writers and readers that tests use; none of them shares code with inboxd.

What checks inboxd must not repeat its mistakes: the oracle and the writer speak IMAP through the
standard library or a bare socket, and encode folder names by themselves.
"""

from __future__ import annotations
