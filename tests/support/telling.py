"""A pytest plugin: says which test failed at once, and again when every test has run.

pytest -p tests.support.telling

A failure is a line on the terminal as it happens, for whoever waits or stops it all before the end, and one
of a file that `make test` prints last: the tests run in parts, and who reads the end of a log sees them all.
"""

from pathlib import Path
from typing import Final

import pytest

FAILURES: Final = Path(".pytest_cache", "failures.txt")
"""Where the lines are kept, below the project's folder."""


def line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return what failed, in which phase, where and why."""
    crash = getattr(report.longrepr, "reprcrash", None)
    reason = f" {crash.path}:{crash.lineno}: {crash.message.splitlines()[0]}" if crash else ""
    return f"FAILED ({report.when}) {report.nodeid}{reason}"


class Teller:
    """Hears of every failure in the process that has the terminal."""

    def __init__(self, reporter: pytest.TerminalReporter, failures: Path) -> None:
        self._reporter = reporter
        self._failures = failures

    def _tell(self, told: str) -> None:
        self._reporter.write("\n")
        self._reporter.line(told, red=True)
        self._failures.parent.mkdir(exist_ok=True)
        with self._failures.open("a", encoding="utf-8") as failures:
            failures.write(told + "\n")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of a test that failed."""
        if report.failed:
            self._tell(line(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that cannot be read."""
        if report.failed:
            self._tell(line(report))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tell of failures where there is a terminal; the processes that run tests have none."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Teller(reporter, config.rootpath / FAILURES))
