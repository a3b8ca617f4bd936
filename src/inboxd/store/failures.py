"""What SQLite says when another program or the disk is the cause, in our words."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from inboxd.model.errors import StoreUnavailable


def as_ours(error: BaseException) -> BaseException:
    """As StoreUnavailable where another program or the disk is the cause; else as it is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.OperationalError):
        return error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    words = {
        sqlite3.SQLITE_BUSY: "another program holds the database; trying again",
        sqlite3.SQLITE_LOCKED: "another program holds the database; trying again",
        sqlite3.SQLITE_FULL: "the disk is full: make room, inboxd continues by itself",
        sqlite3.SQLITE_IOERR: "the disk does not take what is written: look at the system log",
        sqlite3.SQLITE_READONLY: "the database is read-only: look at the rights of the state "
        "directory",
        sqlite3.SQLITE_CANTOPEN: "the database cannot be opened: look at the rights of the state "
        "directory",
    }
    if code not in words:
        return error
    ours = StoreUnavailable(f"The database cannot be written: {words[code]}.")
    ours.__cause__ = error
    return ours
