"""The plugin of pytest, which loads everything else at the first test that uses one of its fixtures.

pytest imports this module at every start where the package is installed, also in projects that do not use it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from k8sdataservice.testing.fake import FakeCluster
    from k8sdataservice.testing.services import DataServices
    from k8sdataservice.testing.stage import Stage

#: The fixtures whose tests have local mode on.
_FIXTURES = frozenset({"data_services", "shared_data_services"})

_MARKER = "dataservice"

#: The attribute of pytest's configuration with the stage of this process.
_STAGE = "_k8sdataservice_stage"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("dataservice", "data services")
    group.addoption(
        "--dataservice",
        choices=["processes", "memory", "cluster"],
        default="processes",
        help="What replicas are in tests that use data_services: processes of this machine (the default), pods of the "
        "cluster of your kubeconfig, or, with memory, nothing at all: such tests are skipped, and fake_cluster works.",
    )
    group.addoption(
        "--dataservice-keep",
        action="store_true",
        help="Keep the services of tests that fail, until pytest ends or, on a cluster, until you delete them.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker."""
    words = "leaks='allowed' lets the test leave services behind that it has made."
    config.addinivalue_line("markers", f"{_MARKER}(leaks): {words}")


@pytest.fixture
def data_services(request: pytest.FixtureRequest) -> DataServices:
    """Starts data services for one test, and removes them after it.

    In a test that has this fixture, services that a workflow creates are processes of this machine, too, and the
    test fails if one of them is left behind.
    """
    return _begin(request.config).services


@pytest.fixture(scope="session")
def shared_data_services(request: pytest.FixtureRequest) -> Iterator[DataServices]:
    """Starts data services for all tests of this process, and removes them after the last one."""
    with _begin(request.config).shared() as services:
        yield services


@pytest.fixture
def fake_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    """Returns a cluster in memory whose time the test decides about, and in which nothing runs."""
    with importlib.import_module("k8sdataservice.testing.fake_fixture").started(monkeypatch) as cluster:
        yield cluster


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Switches local mode on before the first fixture of a test."""
    if not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        _leaks_allowed(item)
        _begin(item.config)


# After pytest's own, which raises what the test does: this one judges tests that would pass.
@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fails a test that leaves services behind."""
    stage = _stage(item.config)
    problem = stage.leaks() if stage and not _leaks_allowed(item) else None
    if problem:
        pytest.fail(problem, pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Adds the logs of the replicas to the report of a test that has failed."""
    outcome: Any = yield
    report = outcome.get_result()
    stage = _stage(item.config)
    if stage and report.failed and report.when != "teardown":
        stage.has_failed = True
        report.sections += stage.logs()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Removes all services of a test after the last of its fixtures has ended."""
    outcome: Any = yield
    stage = _stage(item.config)
    if stage is None:
        return
    try:
        stage.end(keep=item.config.getoption("dataservice_keep"))
    except Exception as error:
        if outcome.excinfo is None:
            outcome.force_exception(error)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Lists the services that are kept."""
    stage: Stage | None = getattr(config, _STAGE, None)
    if stage and stage.kept:
        terminalreporter.section("kept data services")
        terminalreporter.write_line(stage.about_kept())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Waits for the user where services are kept that end with this process, and ends the cluster."""
    stage: Stage | None = getattr(config, _STAGE, None)
    if stage:
        stage.close()


def _leaks_allowed(item: pytest.Item) -> bool:
    marker = item.get_closest_marker(_MARKER)
    if marker is None:
        return False
    if marker.args or marker.kwargs != {"leaks": "allowed"}:
        pytest.fail(f"The marker {_MARKER} takes leaks='allowed', and nothing else.", pytrace=False)
    return True


def _begin(config: pytest.Config) -> Stage:
    mode = config.getoption("dataservice")
    if mode == "memory":
        pytest.skip("replicas have to run, and with --dataservice=memory none does")
    stage: Stage | None = getattr(config, _STAGE, None)
    if stage is None:
        from k8sdataservice.testing.stage import Stage

        stage = Stage(is_local=mode == "processes")
        setattr(config, _STAGE, stage)
    # It has begun already, unless a test asks for a fixture by its name while it runs.
    if not stage.is_on:
        stage.begin()
    return stage


def _stage(config: pytest.Config) -> Stage | None:
    """Returns the stage of the test that runs, if the test has one."""
    stage: Stage | None = getattr(config, _STAGE, None)
    return stage if stage and stage.is_on else None
