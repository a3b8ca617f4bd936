"""A real Cyrus IMAP (3.6, Debian 12), run unprivileged out of its unpacked packages.

Installing it would bring a mail transport agent and a virus scanner along; unpacking needs neither
them nor root. What was fetched is kept in the user's cache directory.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

PACKAGES = (
    "cyrus-imapd",
    "cyrus-common",
    "libical3",
    "libicu72",
    "libjansson4",
    "libldap-2.5-0",
    "libpcre3",
    "libpq5",
    "libsasl2-2",
    "libsasl2-modules",
    "libwrap0",
    "libxapian30",
    "libzephyr4",
)
"""The server and the libraries that a small Debian lacks; the virus scanner's is not loaded."""

FETCH_SECONDS = 120
START_SECONDS = 20

_IMAPD = """\
configdirectory: {home}/conf
partition-default: {home}/spool
defaultpartition: default
cyrus_user: {user}
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN
autocreate_quota: 0
autocreate_inbox_folders: Sent | Drafts | Trash | Archive
autocreate_subscribe_folders: Sent | Drafts | Trash | Archive
unixhierarchysep: yes
altnamespace: yes
master_pid_file: {home}/master.pid
proc_path: {home}/conf/proc
mboxname_lockpath: {home}/conf/lock
"""

_CYRUS = """\
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {home}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {home}/imapd.conf" listen="127.0.0.1:{port}" prefork=0
}}
DAEMON {{
  idled cmd="{bin}/idled -C {home}/imapd.conf"
}}
"""

_LIBRARIES = ("usr/lib", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")


def fetched() -> Path | None:
    """Where Cyrus is unpacked; None where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    root = cache / "inboxd-tests" / "cyrus"
    if (root / "done").exists():
        return root
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return None
    try:
        with tempfile.TemporaryDirectory() as directory:
            _download(Path(directory))
            root.mkdir(parents=True, exist_ok=True)
            for package in Path(directory).glob("*.deb"):
                subprocess.run(["dpkg", "-x", package, root], check=True, timeout=FETCH_SECONDS)
    except (subprocess.SubprocessError, OSError):
        return None
    (root / "done").touch()
    return root


def _download(directory: Path) -> None:
    command = ["apt-get", "download", "-qq", *PACKAGES]
    run = partial(subprocess.run, cwd=directory, capture_output=True, timeout=FETCH_SECONDS)
    if run(command, check=False).returncode:
        # A fresh machine has no list of packages yet; only root may fetch it.
        run(["apt-get", "update", "-qq"], check=True)
        run(command, check=True)


class Cyrus:
    """One server on a free port of 127.0.0.1 with a mailbox for everybody who logs in."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with closing(socket.create_server(("127.0.0.1", 0))) as probe:
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="cyrus"))
        self._copy_for_nobody()
        for name in ("socket", "db", "log", "msg", "proc", "user", "quota", "lock"):
            (self._home / "conf" / name).mkdir(parents=True)
        (self._home / "spool").mkdir()
        names = {
            "home": self._home,
            "bin": self._home / "root/usr/lib/cyrus/bin",
            "port": self.port,
            "user": "nobody" if os.getuid() == 0 else _name(),
        }
        (self._home / "imapd.conf").write_text(_IMAPD.format(**names))
        (self._home / "cyrus.conf").write_text(_CYRUS.format(**names))
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", str(self._home)], check=True)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _copy_for_nobody(self) -> None:
        # The cache is in somebody's home, which another user may not enter.
        shutil.copytree(self._root, self._home / "root", symlinks=True)
        self._home.chmod(0o755)

    def stop(self) -> None:
        """Stop it with all its processes; its mail stays."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # The master does not wait for those who serve connections.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None

    def kill_imap_processes(self, user: str) -> int:
        """Kill each of a user's processes in the middle of whatever it does; how many."""
        killed = 0
        for path in (self._home / "conf" / "proc").iterdir():
            # A process that ends meanwhile takes its file along.
            with suppress(FileNotFoundError, ProcessLookupError):
                if user in path.read_text().split("\t"):
                    os.kill(int(path.name), signal.SIGKILL)
                    killed += 1
        return killed

    def start(self) -> None:
        """Start it on its port and wait until it greets."""
        root = self._home / "root"
        environment = {
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": ":".join(str(root / part) for part in _LIBRARIES),
            "SASL_PATH": str(root / "usr/lib/x86_64-linux-gnu/sasl2"),
        }
        drop = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        master = root / "usr/lib/cyrus/bin/master"
        where = ["-C", "imapd.conf", "-M", "cyrus.conf", "-p", "master.pid", "-D"]
        self._process = subprocess.Popen(
            [*(drop if os.getuid() == 0 else []), str(master), *where],
            cwd=self._home,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.port):
            assert self._process.poll() is None, "Cyrus ended at its start"
            assert time.monotonic() < deadline, "Cyrus does not answer"
            time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as sock:
            return sock.recv(64).startswith(b"* OK")
    except OSError:
        return False


def _name() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
