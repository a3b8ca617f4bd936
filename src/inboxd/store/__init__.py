"""The database: one SQLite file, one writer, many readers.

`tables` holds the schema, `database` the engines and the writer; then one file per group of
tables, each a handful of functions that take a connection (to read) or a `Unit` (to write).
Nothing here waits for a network or knows why something is stored.
"""

from __future__ import annotations
