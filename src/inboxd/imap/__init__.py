"""Talking IMAP: from bytes on a socket to typed answers.

`stream` is the way of the bytes (TCP, TLS, DEFLATE), `protocol` the aioimaplib subclass that cuts
them into responses, `connection` one command at a time with its deadlines, `responses` turns
answers into values, `folders` knows names and special uses, `refusals` and `quirks` what servers
mean by a NO, and `client` is what the rest of the house uses. aioimaplib is seen by `protocol`
alone.
"""

from __future__ import annotations
