"""The composition root: everything is built here, handed to whoever needs it, and ended here.

The order of the start is the order of trust: the lock before the database, the database before
the accounts, the accounts before anybody is told READY. The end is the same way back.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import anyio
import anyio.abc
import anyio.to_thread

from inboxd import __version__, log, process
from inboxd.accounts.declared import Declared
from inboxd.accounts.desk import Desk
from inboxd.accounts.supervisor import Supervisor
from inboxd.api import server
from inboxd.api.app import create_app
from inboxd.clock import SystemClock
from inboxd.config.load import load
from inboxd.config.model import Settings
from inboxd.events.hub import Hub
from inboxd.imap.client import tls_context
from inboxd.model.errors import AlreadyRunning, BadConfig, InboxdError
from inboxd.secrets import SecretBox
from inboxd.store.database import Database, open_database
from inboxd.sync.session import Ground
from inboxd.systemd import Notifier

_log = log.get(__name__)


async def run(settings: Settings, config_path: Path | None) -> None:
    """Run until SIGTERM or SIGINT.

    Raises AlreadyRunning, BadConfig, StoreTooNew: what a person has to settle before a start.
    """
    # SQLite makes its files by the umask; the socket's rights are set one by one.
    os.umask(0o077)
    process.prepare()
    notifier = Notifier.from_environment()
    with _state_directory(settings.state_dir):
        box = await anyio.to_thread.run_sync(
            SecretBox.open, settings.state_dir, settings.secrets.key_file
        )
        clock, hub = SystemClock(), Hub()
        sock = server.bind(settings.control.socket, settings.control.mode)
        try:
            path = settings.state_dir / "inboxd.db"
            async with open_database(path, clock, hub.publish) as database:
                hub.begin_behind(database.last_seq)
                ground = Ground(
                    database=database,
                    clock=clock,
                    settings=settings,
                    tls=tls_context(settings.tls.ca_file),
                    random=Random(),  # noqa: S311 - spreads retries, keeps no secret
                )
                daemon = _Daemon(ground, hub, box, notifier, config_path)
                await daemon.serve(sock)
        finally:
            settings.control.socket.unlink(missing_ok=True)


@contextmanager
def _state_directory(path: Path) -> Iterator[None]:
    """Make the state directory ours alone, and hold its lock.

    The lock comes first of all: a second daemon on the same database would sync every account
    twice, and bind over the first one's socket.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadConfig(
            f"The state directory {path} cannot be used ({error.strerror}): make it and give it "
            "to the user that runs inboxd, or set state_dir to another one."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise AlreadyRunning(
            f"Another inboxd runs on {path}: stop it first, or set state_dir to another directory."
        ) from error
    try:
        yield
    finally:
        os.close(handle)


class _Daemon:
    """The running daemon: its tasks, and the signals that steer it."""

    def __init__(
        self,
        ground: Ground,
        hub: Hub,
        box: SecretBox,
        notifier: Notifier,
        config_path: Path | None,
    ) -> None:
        self._ground = ground
        self._hub = hub
        self._box = box
        self._notifier = notifier
        self._config_path = config_path
        self._stopping = anyio.Event()

    async def serve(self, sock: socket.socket) -> None:
        """Start everything, tell READY, and end everything when a signal says so."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._heed_signals)
            async with anyio.create_task_group() as working:
                supervisor = Supervisor(self._ground, working, self._box)
                presets = self._ground.settings.sync.presets
                desk = Desk(self._ground, supervisor, self._hub, self._box, presets)
                app = create_app(desk, stopping=self._stopping)
                await tasks.start(server.serve, app, sock, self._stopping)
                await supervisor.start_all()
                working.start_soon(self._feed_watchdog)
                working.start_soon(supervisor.watch_for_suspends)
                working.start_soon(desk.sources.run)
                working.start_soon(Declared(self._ground, desk).create_missing)
                self._tell_ready()
                await self._stopping.wait()
                self._notifier.stopping()
                _log.info("stopping")
                working.cancel_scope.cancel()
            tasks.cancel_scope.cancel()

    def _tell_ready(self) -> None:
        process.settle()
        settings = self._ground.settings
        _log.info("ready", version=__version__, socket=str(settings.control.socket))
        self._notifier.ready(f"listening on {settings.control.socket}")

    async def _heed_signals(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            task_status.started()
            async for one in signals:
                if one == signal.SIGHUP:
                    self._reload()
                else:
                    self._stopping.set()

    def _reload(self) -> None:
        """Read the configuration again; a bad file changes nothing and is reported."""
        self._notifier.reloading()
        try:
            settings = load(self._config_path)
        except InboxdError as error:
            _log.error("config_refused", problem=str(error))
            self._notifier.ready("the changed configuration was refused, see the log")
            return
        log.configure(settings.log.level, settings.log.format)
        # Only the log is changed while running: everything else was handed out at the start.
        same = settings.model_copy(update={"log": self._ground.settings.log})
        _log.info("config_reloaded", needs_restart=same != self._ground.settings)
        self._notifier.ready("configuration reloaded")

    async def _feed_watchdog(self) -> None:
        """Tell systemd that the event loop turns and the writer commits."""
        period = self._notifier.watchdog_seconds()
        if period is None:
            return
        while True:
            await _write_nothing(self._ground.database)
            self._notifier.watchdog()
            await self._ground.clock.sleep(period / 2)


async def _write_nothing(database: Database) -> None:
    def nothing(_unit: object) -> None:
        return

    await database.write(nothing)
