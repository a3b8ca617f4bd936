"""What people get wrong: a sentence with a next step, the right exit code, nothing half-done."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from conftest import Mailbox
from servers.daemon import Inboxd, inboxctl

DONE, FAILED, USAGE, UNREACHABLE, NOT_FOUND, REFUSED = range(6)

pytestmark = pytest.mark.dovecot


@contextmanager
def chatter(greeting: bytes) -> Iterator[int]:
    """A server that says one line to everybody and understands nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.sendall(greeting)
                    peer.recv(1024)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def add(
    inboxd: Inboxd, mailbox: Mailbox, port: int, security: str = "none", password: str = ""
) -> subprocess.CompletedProcess[str]:
    return inboxctl(
        inboxd.socket,
        *("account", "add", f"{mailbox.user}@example.org", "--username", mailbox.user),
        *("--password-stdin", "--imap", f"localhost:{port}", "--imap-security", security),
        "--no-smtp",
        stdin=password or mailbox.password,
    )


def assert_nothing_was_added(inboxd: Inboxd) -> None:
    assert inboxd.client.get("/v1/accounts")["items"] == []


def test_a_wrong_password(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P1: side, host, port and what the server answered; never the password."""
    done = add(inboxd, mailbox, mailbox.server.port, password="not-the-password")
    assert done.returncode == FAILED
    assert f"IMAP login at localhost:{mailbox.server.port}" in done.stderr
    assert "Authentication failed" in done.stderr
    assert "app password" in done.stderr
    assert "not-the-password" not in done.stderr + inboxd.log.read_text()
    assert_nothing_was_added(inboxd)


def test_a_wrong_port(inboxd: Inboxd, mailbox: Mailbox) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    done = add(inboxd, mailbox, port)
    assert done.returncode == FAILED
    assert "Connection refused" in done.stderr
    assert "Check host and port" in done.stderr
    assert_nothing_was_added(inboxd)


def test_a_server_that_is_no_mail_server(inboxd: Inboxd, mailbox: Mailbox) -> None:
    with chatter(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        done = add(inboxd, mailbox, port)
    assert done.returncode == FAILED
    assert "is no IMAP server (SSH-2.0-OpenSSH_9.2)" in done.stderr
    assert_nothing_was_added(inboxd)


def test_tls_where_there_is_none(inboxd: Inboxd, mailbox: Mailbox) -> None:
    done = add(inboxd, mailbox, mailbox.server.port, security="tls")
    assert done.returncode == FAILED
    assert "does not speak TLS" in done.stderr
    assert "try starttls" in done.stderr


def test_an_untrusted_certificate(tmp_path: Path, mailbox: Mailbox) -> None:
    """T15: no password is sent."""
    with Inboxd(tmp_path) as inboxd:
        for security, port in (
            ("tls", mailbox.server.tls_port),
            ("starttls", mailbox.server.port),
        ):
            done = add(inboxd, mailbox, port, security)
            assert done.returncode == FAILED
            assert "is not trusted" in done.stderr
            assert "tls.ca_file" in done.stderr
        assert_nothing_was_added(inboxd)
    log = (mailbox.server.home / "dovecot.log").read_text()
    assert f"user=<{mailbox.user}>" not in log


def test_starttls_works_where_it_is_trusted(inboxd: Inboxd, mailbox: Mailbox) -> None:
    assert add(inboxd, mailbox, mailbox.server.port, "starttls").returncode == DONE


def test_an_unencrypted_connection_to_elsewhere(inboxd: Inboxd) -> None:
    done = inboxctl(
        inboxd.socket,
        *("account", "add", "a@example.org", "--password-stdin", "--no-smtp"),
        *("--imap", "192.0.2.1:143", "--imap-security", "none"),
        stdin="secret",
    )
    assert done.returncode == FAILED
    assert "in the clear" in done.stderr
    assert "tls (port 993)" in done.stderr


def test_rules_that_are_broken(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P5, P7, P8: refused with the rule, the stored choice stays."""
    address = f"{mailbox.user}@example.org"
    assert add(inboxd, mailbox, mailbox.server.port).returncode == DONE

    def refused(*arguments: str) -> str:
        done = inboxctl(inboxd.socket, *arguments)
        assert done.returncode == REFUSED, (arguments, done)
        return done.stderr

    assert inboxctl(inboxd.socket, "conditions", address, "--since", "2w").returncode == REFUSED
    before = inboxd.client.get(f"/v1/accounts/{address}/conditions")
    assert "confirm" in refused("sync", address).lower()
    assert "Sent" in refused("conditions", address, "--label", "Snet")
    refused("conditions", address, "--since", "now", "--history", "contacts")
    assert inboxd.client.get(f"/v1/accounts/{address}/conditions") == before

    done = inboxctl(inboxd.socket, "conditions", address, "--since", "now", "--labels", "all")
    assert done.returncode == DONE
    assert inboxctl(inboxd.socket, "sync", address, "--wait").returncode == DONE
    assert "no label" in refused("resync", address, "--since", "3m", "--label", "Nowhere")
    contacts = inboxd.client._answer  # the CLI has no option for what P7 forbids
    with pytest.raises(Exception, match="contacts"):
        contacts(
            "POST",
            f"/v1/accounts/{address}/resync",
            json={"since": "3m", "history": "contacts"},
        )


def test_what_is_not_there(inboxd: Inboxd) -> None:
    for arguments in (
        ("account", "show", "nobody@example.org"),
        ("message", "show", "4711"),
        ("sync", "99"),
    ):
        done = inboxctl(inboxd.socket, *arguments)
        assert done.returncode == NOT_FOUND, done
        assert done.stderr.strip()


def test_a_command_that_is_none(inboxd: Inboxd) -> None:
    assert inboxctl(inboxd.socket, "accuont", "list").returncode == USAGE


def test_no_daemon(tmp_path: Path) -> None:
    done = inboxctl(tmp_path / "nothing.sock", "status")
    assert done.returncode == UNREACHABLE
    assert "inboxd run" in done.stderr


def test_a_second_daemon_on_the_same_state(inboxd: Inboxd) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inboxd.main", "run", "--config", str(inboxd.config)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == FAILED
    assert "Another inboxd runs on" in done.stderr
    assert "Traceback" not in done.stderr
    assert inboxctl(inboxd.socket, "status").returncode == DONE


def test_a_broken_configuration_tells_all_its_mistakes_at_once(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("state_dir: 5\nlogg:\n  level: loud\nlog:\n  level: loud\n")
    done = subprocess.run(
        [sys.executable, "-m", "inboxd.main", "check", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 78
    places = [line for line in done.stderr.splitlines() if line.startswith(f"{config}:")]
    assert [line.split(":")[1] for line in places] == ["1", "2", "5"]


def test_garbage_on_the_socket_harms_nobody(inboxd: Inboxd) -> None:
    for garbage in (b"\0" * 10_000, b"GET\r\n\r\n", b"POST /v1/accounts HTTP/1.1\r\n\r\n{"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(inboxd.socket))
            sock.sendall(garbage)
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(65536)[:12] in (
                b"",
                b"HTTP/1.1 400",
                b"HTTP/1.1 422",
                b"HTTP/1.1 411",
            )
    assert inboxctl(inboxd.socket, "status").returncode == DONE


def test_a_password_is_nowhere_to_be_read(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P34."""
    assert add(inboxd, mailbox, mailbox.server.port).returncode == DONE
    account = json.loads(inboxctl(inboxd.socket, "--json", "account", "list").stdout)
    assert mailbox.password not in json.dumps(account)
    inboxd.stop()
    for path in (*inboxd.state.iterdir(), inboxd.log):
        assert f'"{mailbox.password}"'.encode() not in path.read_bytes()
