"""The table of rules at the end of a run: which rule or fault is proven by how many tests.

A test says what it proves in its docstring, as `P7`, `T12` or `F4`; what every test of a module
proves stands in the module's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Generator

import pytest

_CITED = re.compile(r"\b([PTF])(\d{1,2})(?:-\1?(\d{1,2}))?\b")

ALL = [
    *(f"P{number}" for number in range(1, 35)),
    *(f"T{number}" for number in range(1, 31)),
]


def cited(text: str) -> tuple[str, ...]:
    """The rules that a text names; `P3-P8` names all between."""
    found: list[str] = []
    for kind, first, last in _CITED.findall(text):
        found += [f"{kind}{number}" for number in range(int(first), int(last or first) + 1)]
    return tuple(dict.fromkeys(found))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write the rules of a test into its report."""
    report = yield
    function = getattr(item, "function", None)
    module = getattr(item, "module", None)
    own = cited(getattr(function, "__doc__", None) or "")
    general = cited(getattr(module, "__doc__", None) or "")
    report.user_properties.append(("rules", own or general))
    del call
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            for rule in dict(report.user_properties).get("rules", ()):
                counts[rule][outcome] += 1
    if len(counts) < len(ALL) // 2:
        return  # a part of the tests was chosen; a table of it would say nothing
    terminalreporter.section("rules (P), faults (T): tests passed, failed, skipped")
    cells = [
        f"{rule:<4}{counts[rule]['passed']:>5}{counts[rule]['failed']:>4}"
        f"{counts[rule]['skipped']:>4}"
        for rule in ALL
    ]
    columns = 4
    height = -(-len(cells) // columns)
    for row in range(height):
        terminalreporter.line("   |  ".join(cells[row::height]))
    unproven = [rule for rule in ALL if not counts[rule]["passed"]]
    if unproven:
        terminalreporter.line(f"not proven by this run: {' '.join(unproven)}")
