"""``make requirements``: each requirement with the tests that prove it, from their
``@pytest.mark.req("CAM-3")``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

OWN_LIST = Path(__file__).parent.parent / "requirements.txt"
PUBLISHED = Path(__file__).parents[3] / "shared" / "requirements.md"

PROOFS = pytest.StashKey[dict[str, list[str]]]()

_DEFINED = re.compile(r"^- ([A-Z]{2,4}-\d+)\b", re.MULTILINE)


def wanted() -> list[str]:
    """The ids of all requirements: from the published page where it is beside us, else from our list."""
    if PUBLISHED.exists():
        return defined_in(PUBLISHED.read_text())
    return OWN_LIST.read_text().split()


def defined_in(page: str) -> list[str]:
    """The ids that a page of requirements defines, in its order: lines that begin with ``- CAM-3``."""
    return list(dict.fromkeys(_DEFINED.findall(page)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements", action="store_true", help="print each requirement with the tests that prove it"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--requirements"):
        config.option.collectonly = True
        config.option.verbose = -2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = set(wanted())
    proofs = config.stash.setdefault(PROOFS, {})
    for item in items:
        for id in proved_by(item):
            proofs.setdefault(id, []).append(item.nodeid.partition("[")[0])
        for unknown in set(proved_by(item)) - known:
            raise pytest.UsageError(f"{item.nodeid} proves {unknown}, which is no requirement")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--requirements"):
        return
    tests = config.stash.get(PROOFS, {})
    for id in wanted():
        terminalreporter.write_line(f"{id}: {'no test yet' if id not in tests else ''}".rstrip())
        for test in dict.fromkeys(tests.get(id, [])):
            terminalreporter.write_line(f"    {test}")
    terminalreporter.write_line(f"{len(tests)} of {len(wanted())} requirements have tests")


def proved_by(item: pytest.Item) -> list[str]:
    """The ids that a test's markers name."""
    return [str(id) for marker in item.iter_markers("req") for id in marker.args]
