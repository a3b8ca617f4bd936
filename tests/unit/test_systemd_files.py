"""The unit as systemd itself judges it, and that unit, user and directories belong together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "inboxd.service"
SYSUSERS = ROOT / "systemd" / "sysusers.d" / "inboxd.conf"
TMPFILES = ROOT / "systemd" / "tmpfiles.d" / "inboxd.conf"
EXPOSURE = 1.5
"""bars.md's figure for `systemd-analyze security`: 0 is walled in, 10 is anything goes."""


def tool(name: str) -> str:
    """The path of a systemd program; without it the test is skipped, but never in CI."""
    found = shutil.which(name)
    if found is None:
        sentence = f"{name} is not on this machine: install the package systemd."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def setting(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


@pytest.fixture
def startable(tmp_path: Path) -> Path:
    """The unit with a program that exists here: systemd asks for that too."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/inboxd/bin/inboxd", "/bin/true"))
    return copy


def test_verify_has_nothing_to_say(startable: Path) -> None:
    """It exits 0 on unknown keys, so that any output is a failure."""
    assert run(tool("systemd-analyze"), "verify", str(startable)) == (0, "")


def test_verify_would_have_told_of_a_wrong_key(startable: Path) -> None:
    startable.write_text(startable.read_text() + "\n[Service]\nProtectEverything=yes\n")
    _, output = run(tool("systemd-analyze"), "verify", str(startable))
    assert "ProtectEverything" in output


def test_the_unit_is_walled_in(startable: Path) -> None:
    code, output = run(
        tool("systemd-analyze"),
        "security",
        "--offline=true",
        "--no-pager",
        f"--threshold={int(EXPOSURE * 10)}",
        str(startable),
    )
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", output)
    assert level is not None, output
    assert float(level[1]) <= EXPOSURE
    assert code == 0


def test_the_service_manager_hears_from_the_daemon() -> None:
    assert setting("Type") == ["notify"]
    assert setting("NotifyAccess") == ["main"]
    assert setting("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert int(setting("WatchdogSec")[0]) > 0
    assert setting("Restart") == ["on-failure"]
    assert setting("TimeoutStopSec") == ["10"]


def test_the_state_is_the_daemons_alone_and_the_socket_its_groups() -> None:
    assert setting("StateDirectoryMode") == ["0700"]
    assert setting("RuntimeDirectoryMode") == ["0750"]
    assert (setting("User"), setting("Group")) == (["inboxd"], ["inboxd"])


def test_the_directories_are_the_ones_of_the_default_configuration() -> None:
    from inboxd.config.model import Settings

    settings = Settings()
    assert settings.state_dir == Path("/var/lib") / setting("StateDirectory")[0]
    assert settings.control.socket.parent == Path("/run") / setting("RuntimeDirectory")[0]


def test_the_user_of_the_unit_is_made() -> None:
    code, output = run(tool("systemd-sysusers"), "--dry-run", str(SYSUSERS))
    assert code == 0
    assert "Failed" not in output
    user = re.search(r"^u (\S+) ", SYSUSERS.read_text(), re.MULTILINE)
    assert user is not None
    assert [user[1]] == setting("User")


def test_the_configuration_is_readable_to_the_daemon_and_writable_to_root_only() -> None:
    lines = TMPFILES.read_text().splitlines()
    entries = [line.split() for line in lines if not line.startswith("#")]
    assert entries == [
        ["d", "/etc/inboxd", "0750", "root", "inboxd", "-"],
        ["z", "/etc/inboxd/config.yaml", "0640", "root", "inboxd", "-"],
    ]
    assert setting("ExecStart")[0].endswith("run --config /etc/inboxd/config.yaml")
