"""Upgrades of an older database, by Alembic. Imported only when the schema is old.

A new database is made from `inboxd.store.tables` and stamped; a test keeps both ways equal.
"""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from inboxd.store import tables


def upgrade(connection: Connection, target: str = tables.HEAD) -> None:
    """Bring the schema to `target` in one transaction: all of it or none."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    with EnvironmentContext(
        config,
        scripts,
        fn=lambda revision, _context: scripts._upgrade_revs(target, revision),  # noqa: SLF001 - Alembic's own env.py form
    ) as environment:
        environment.configure(connection=connection, target_metadata=tables.metadata)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            environment.run_migrations()
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
