"""One line of the table, and what the kernel knows of a daemon."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from servers.daemon import Inboxd


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    figure: str
    what: str
    measured: str
    bar: str
    met: bool | None


def _status_kib(inboxd: Inboxd, name: str) -> int:
    assert inboxd.process is not None
    for line in Path(f"/proc/{inboxd.process.pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise KeyError(name)


def resident_kib(inboxd: Inboxd) -> int:
    """Memory of the daemon now."""
    return _status_kib(inboxd, "VmRSS:")


def peak_kib(inboxd: Inboxd) -> int:
    """The most memory that the daemon ever had."""
    return _status_kib(inboxd, "VmHWM:")


def cpu_seconds(inboxd: Inboxd) -> float:
    """Processor time of the daemon so far."""
    assert inboxd.process is not None
    fields = Path(f"/proc/{inboxd.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
