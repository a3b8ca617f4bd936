"""The table of right and wrong fields, shown when the tests are through."""

from __future__ import annotations

import pytest

LINES = pytest.StashKey[list[str]]()
"""What the terminal summary shows."""


@pytest.fixture(scope="session")
def summary(pytestconfig: pytest.Config) -> list[str]:
    """Lines put here are shown at the end."""
    return pytestconfig.stash.setdefault(LINES, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section("fields of real messages")
        for line in lines:
            terminalreporter.write_line(line)
