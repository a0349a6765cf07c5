"""Importing the package, which every ``import flytekit`` does."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap


def python(script: str) -> str:
    """Runs a script in a fresh interpreter that knows no cluster and returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_starts_nothing_and_reads_nothing() -> None:
    seen = json.loads(
        python(
            """
            import importlib.metadata, json, sys, threading
            # Without its plugins first, so that the effect of this one is visible.
            entry_points = importlib.metadata.entry_points
            def without_plugins(**wanted):
                return [] if wanted.get("group") == "flytekit.plugins" else entry_points(**wanted)
            importlib.metadata.entry_points = without_plugins
            import flytekit
            importlib.metadata.entry_points = entry_points

            events, before = [], threading.active_count()
            watched = ("open", "socket.", "subprocess.", "os.system", "_thread.start_new_thread")
            sys.addaudithook(lambda event, args: event.startswith(watched) and events.append((event, str(args[0]))))
            import flytekitplugins_k8sdataservice
            noticed = [list(event) for event in events if not event[1].endswith((".py", ".pyc"))]
            threads = threading.active_count() - before
            core = "k8sdataservice._core" in sys.modules
            print(json.dumps({"events": noticed, "threads": threads, "core": core}))
            """
        )
    )
    assert seen == {"events": [], "threads": 0, "core": False}


def test_importing_flytekit_loads_of_the_plugin_only_what_registers_the_connector() -> None:
    # Each of the others costs a part of a millisecond or more in the pods of all tasks, mostly for its dataclasses.
    script = """
        import json, sys
        import flytekit
        from flytekit.extend.backend.base_connector import ConnectorRegistry
        before = set(sys.modules)
        {}
        print(json.dumps(sorted(name for name in {} if "k8sdataservice" in name or name in ("kubernetes", "yaml"))))
    """
    loaded = json.loads(python(script.format("", "sys.modules")))
    package = "flytekitplugins_k8sdataservice"
    assert set(loaded) <= {
        package,
        f"{package}.connector",
        f"{package}.startup",
        "k8sdataservice",
        "k8sdataservice.default_client",
        "k8sdataservice.exceptions",
        "k8sdataservice.settings",
        "k8sdataservice.settings.variables",
        # flytekit's own transformers may have loaded it.
        "yaml",
    }
    # The connector says what it serves without the rest, too; what reads a state is loaded with the first poll.
    listed = "ConnectorRegistry.get_connector('dataservicetask'); ConnectorRegistry.list_connectors()"
    assert json.loads(python(script.format(listed, "set(sys.modules) - before"))) == []
    asked = "ConnectorRegistry.get_connector('dataservicetask').metadata_type"
    assert f"{package}.metadata" in json.loads(python(script.format(asked, "set(sys.modules) - before")))


def test_the_client_logs_where_flytekit_does_and_at_its_level() -> None:
    script = """
        import logging, sys
        from flytekit import logger
        logger.handlers = [logging.StreamHandler(sys.stdout)]
        logging.basicConfig(handlers=[logging.StreamHandler(sys.stderr)], level=logging.DEBUG)
        logger.setLevel({})
        client = logging.getLogger("k8sdataservice.client")
        client.info("informed"), client.warning("warned")
    """
    for level, words in (("logging.INFO", ["informed", "warned"]), ("logging.WARNING", ["warned"])):
        assert python(script.format(level)).split() == words


def test_flytekit_finds_the_plugin_by_itself() -> None:
    output = python(
        """
        import flytekit
        from flytekit.extend.backend.base_connector import ConnectorRegistry
        print(ConnectorRegistry.get_connector("dataservicetask").name)
        """
    )
    assert output.strip() == "K8s DataService Async Connector"


def test_every_documented_name_imports_from_both_places() -> None:
    python(
        """
        import flytekitplugins_k8sdataservice as home
        import flytekitplugins.k8sdataservice as documented
        assert set(home.__all__) <= set(dir(documented)) & set(dir(home))
        from flytekitplugins.k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask
        from flytekitplugins.k8sdataservice.connector import DataServiceConnector, DataServiceMetadata
        from flytekitplugins.k8sdataservice.sensor import CleanupSensor as sensor
        from flytekitplugins.k8sdataservice.task import DataServiceConfig as config, DataServiceTask as task
        from flytekitplugins.k8sdataservice.k8s.manager import K8sManager
        from flytekitplugins.k8sdataservice.k8s.kube_config import KubeConfig
        from flytekitplugins.k8sdataservice import gen_infra_name
        from utils.infra import gen_infra_name as documented_gen_infra_name
        assert gen_infra_name is documented_gen_infra_name is home.gen_infra_name
        assert (sensor, config, task) == (home.CleanupSensor, home.DataServiceConfig, home.DataServiceTask)
        assert gen_infra_name() != gen_infra_name()
        K8sManager(), KubeConfig()
        """
    )


def test_a_generated_infrastructure_name_is_a_valid_service_name() -> None:
    python(
        """
        from utils.infra import gen_infra_name
        from k8sdataservice._core import validate
        validate({"Name": gen_infra_name(), "Image": "busybox"})
        """
    )


def test_the_connectors_methods_are_coroutine_functions() -> None:
    # Anything else would run in flytekit's small thread pool.
    python(
        """
        import inspect
        from flytekitplugins_k8sdataservice import DataServiceConnector as connector
        assert all(map(inspect.iscoroutinefunction, (connector.create, connector.get, connector.delete)))
        """
    )
