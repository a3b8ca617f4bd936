"""A real Dovecot for the tests: rootless, on free ports, with its own certificate.

The configuration is Dovecot 2.3's (Debian 12).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import trustme

USERS = 1_200
"""Mailboxes `u1` to `u1200` with passwords `pw1` to `pw1200`."""

START_SECONDS = 20

_CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_home = {home}/mail/%u
mail_location = sdbox:~/box
mail_max_userip_connections = 5000
mailbox_list_index = yes
imap_idle_notify_interval = 2 mins
auth_failure_delay = 0
mail_fsync = never
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {home}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}/mail/%u
}}
mail_plugins = zlib
protocol imap {{
  mail_plugins = $mail_plugins imap_zlib
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
  mailbox Junk {{
    auto = subscribe
    special_use = \\Junk
  }}
  mailbox Archive {{
    auto = subscribe
    special_use = \\Archive
  }}
}}
service anvil {{
  chroot =
  client_limit = 9000
}}
service auth {{
  client_limit = 9000
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  client_limit = 5000
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 5000
}}
{extra}
"""


def installed() -> bool:
    """Whether there is a Dovecot to start."""
    return shutil.which("dovecot", path=_path()) is not None


class Dovecot:
    """One running server; use it as a context manager."""

    def __init__(self, extra: str = "") -> None:
        self.home = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.port, self.tls_port = _free_ports()
        self.ca_file = self.home / "ca.pem"
        self._config = self.home / "dovecot.conf"
        self._write_files(extra)

    def __enter__(self) -> Dovecot:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until both ports answer."""
        subprocess.run(self._as_user("dovecot", "-c", str(self._config)), check=True)
        deadline = time.monotonic() + START_SECONDS
        for port in (self.port, self.tls_port):
            while not _answers(port):
                if time.monotonic() > deadline:
                    raise RuntimeError((self.home / "dovecot.log").read_text())

    def stop(self) -> None:
        """Stop it with all its processes."""
        pid_file = self.home / "run" / "master.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        # Each process, since the master leaves those that serve somebody alone for ten seconds.
        os.killpg(pid, signal.SIGTERM)
        deadline = time.monotonic() + START_SECONDS
        while pid_file.exists() and _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    def doveadm(self, *arguments: str) -> str:
        """Run doveadm; its output."""
        done = subprocess.run(
            self._as_user("doveadm", "-c", str(self._config), *arguments),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def imap_processes(self, user: str) -> list[int]:
        """The processes that serve one user's connections."""
        pids: list[int] = []
        for line in self.doveadm("who", "-1", user).splitlines()[1:]:
            pids.extend(
                int(word.strip("()")) for word in line.split() if word.strip("()").isdigit()
            )
        return [pid for pid in dict.fromkeys(pids) if pid > 1]

    def signal(self, user: str, what: signal.Signals) -> int:
        """Send a signal to each of a user's processes; how many there were."""
        pids = self.imap_processes(user)
        for pid in pids:
            os.kill(pid, what)
        return len(pids)

    def kill_imap_processes(self, user: str) -> int:
        """Kill each of a user's processes in the middle of whatever it does; how many."""
        return self.signal(user, signal.SIGKILL)

    def pause(self, user: str) -> list[int]:
        """Hang a user's connections: open, and silent. Give the result to `resume`."""
        pids = self.imap_processes(user)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        return pids

    def resume(self, pids: Iterable[int]) -> None:
        """Let paused processes go on; by process, since a paused one may be gone from `who`."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def restart(self) -> None:
        """Stop it and start it again on the same ports, mail and all."""
        self.stop()
        self.start()

    def _write_files(self, extra: str) -> None:
        # Dovecot's own processes run as nobody when the tests run as root.
        name, group = ("nobody", "nogroup") if os.geteuid() == 0 else (_name(), _group())
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.ca_file)
        certificate.cert_chain_pems[0].write_to_path(self.home / "cert.pem")
        certificate.private_key_pem.write_to_path(self.home / "key.pem")
        for one in ("mail", "run", "state"):
            (self.home / one).mkdir()
        users = "".join(f"u{n}:{{PLAIN}}pw{n}::::::\n" for n in range(1, USERS + 1))
        (self.home / "users").write_text(users)
        self._config.write_text(
            _CONFIG.format(
                home=self.home,
                user=name,
                group=group,
                port=self.port,
                tls_port=self.tls_port,
                extra=extra,
            )
        )
        self.home.chmod(0o755)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{name}:{group}", str(self.home)], check=True)

    def _as_user(self, *command: str) -> list[str]:
        program = shutil.which(command[0], path=_path()) or command[0]
        whole = ["env", f"HOME={self.home}", program, *command[1:]]
        if os.geteuid() == 0:
            whole = [
                "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *whole,
            ]  # fmt: skip
        return whole


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _name() -> str:
    return subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()


def _group() -> str:
    return subprocess.run(["id", "-gn"], check=True, capture_output=True, text=True).stdout.strip()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        time.sleep(0.01)
        return False
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
