"""The core inside a process: signals, forks, threads, event loops, and the end."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from k8sdataservice._core import Client

pytestmark = pytest.mark.usefixtures("silent_cluster")

PREAMBLE = """
import asyncio, os, sys, threading, time
from flytekitplugins_k8sdataservice import DataServiceError
from k8sdataservice._core import Client
"""


def run(script: str) -> None:
    """Runs a script to its end, which has to come, and to be a good one."""
    command = [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done
    for word in ("Fatal Python error", "panicked", "Traceback"):
        assert word not in done.stderr, done.stderr


def test_ctrl_c_ends_a_call_that_blocks() -> None:
    script = """
        print("begin", flush=True)
        Client(timeout=60).get_sync("foo", namespace="flyte")
    """
    command = [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begin\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    # flytekit's own handler ends the process with 1.
    assert process.returncode == 1


CALLS = """
import json, signal
from flytekitplugins_k8sdataservice import DataServiceTimeoutError, UnavailableError

def calls(timeout, cluster=None, **settings):
    client = Client(timeout=timeout, **settings)
    config = {"Name": "foo", "Image": "busybox", "Cluster": cluster}
    beside = config | {"Sidecars": [{"name": "a"}]}
    place = {"namespace": "flyte", "cluster": cluster}
    mine = {"namespace": "flyte", "owner": "me", "execution": "a test"}
    unknown = Client(timeout=0.01, **settings).get_sync("foo", **place)
    return {
        "create": lambda: client.create_sync(config, **mine),
        "create with a sidecar": lambda: client.create_sync(beside, **mine),
        "plan": lambda: client.plan_sync(config, **mine),
        "plan with a sidecar": lambda: client.plan_sync(beside, **mine),
        "update": lambda: client.update_sync(config, **mine),
        "update with a sidecar": lambda: client.update_sync(beside, **mine),
        "get": lambda: client.get_sync("foo", **place),
        "wait": lambda: client.wait_sync("foo", **place, timeout=timeout),
        "locate": lambda: client.locate_sync("foo", **place),
        "keep": lambda: client.keep_sync("foo", **place, owner="me", seconds=9),
        "conclude": lambda: client.conclude_sync(unknown, "foo", **place),
        "delete": lambda: client.delete_sync("foo", **place),
        "hold": lambda: client.hold_sync("foo", **place, owner="me", holder="me@here/1", timeout=timeout),
        "leave": lambda: client.leave_sync("foo", **place, owner="me"),
        "list": lambda: client.list_sync(**place, timeout=timeout),
        "reap": lambda: client.reap_sync(**place, timeout=timeout),
        "sleep": lambda: client.sleep_sync("foo", **place),
        "wake": lambda: client.wake_sync("foo", **place),
        "receipts": lambda: client.receipts_sync(**place, timeout=timeout),
        "elsewhere": lambda: client.elsewhere_sync("foo", **place, candidates=["default"]),
        "everywhere": lambda: client.everywhere_sync("foo", cluster=cluster),
    }
"""

NUMBER_OF_CALLS = 21


@pytest.fixture(params=["TLS", "HTTP"])
def frozen_cluster(request: pytest.FixtureRequest, silent_cluster: Path) -> Path:
    """Returns the kubeconfig of an API server that stopped before it speaks TLS, or after it got the request."""
    if request.param == "HTTP":
        silent_cluster.write_text(silent_cluster.read_text().replace("https:", "http:"))
    return silent_cluster


@pytest.mark.usefixtures("frozen_cluster")
def test_every_call_ends_by_its_deadline_where_the_api_server_does_not_answer() -> None:
    run(
        CALLS
        + textwrap.dedent("""
        for name, call in calls(0.8).items():
            begin = time.monotonic()
            try:
                answer = call()
            except (UnavailableError, DataServiceTimeoutError) as error:
                message = str(error)
                assert name != "get" and isinstance(error, DataServiceTimeoutError) == (name == "wait"), (name, error)
            else:
                assert name == "get" and answer.reason == "Unknown", (name, answer)
                message = answer.message
            assert "context c, cluster c, user u of kubeconfig " + os.environ["KUBECONFIG"] in message, (name, message)
            assert time.monotonic() - begin < 2.5, (name, time.monotonic() - begin)
        """)
    )


@pytest.mark.usefixtures("silent_cluster")
def test_every_call_ends_by_its_deadline_where_only_the_cluster_of_the_runs_cannot_be_read() -> None:
    run(
        CALLS
        + textwrap.dedent("""
        west = os.environ["KUBECONFIG"]
        os.environ["KUBECONFIG"] = west + "-of-the-runs"
        os.mkfifo(os.environ["KUBECONFIG"])
        clusters = {"west": {"kubeconfig": west}}
        for name, call in calls(0.8, "west", platform={"clusters": clusters}).items():
            begin = time.monotonic()
            try:
                message = call().message
            except (UnavailableError, DataServiceTimeoutError) as error:
                message = str(error)
            # They must not look for the runs anywhere else.
            is_unread = f"was not read in time (the kubeconfig is {os.environ['KUBECONFIG']})" in message
            assert is_unread == (name in ("delete", "list", "reap", "sleep")), (name, message)
            assert time.monotonic() - begin < 2.5, (name, time.monotonic() - begin)
        os._exit(0)
        """)
    )


WAITS = {
    "an API server that does not answer": "pass",
    "a program that waits for a login": """
        text = json.load(open(os.environ["KUBECONFIG"]))
        text["users"][0]["user"] = {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sleep", "args": ["90"], "interactiveMode": "Never",
        }}
        json.dump(text, open(os.environ["KUBECONFIG"], "w"))
    """,
    "a file server that does not answer": """
        os.remove(os.environ["KUBECONFIG"])
        os.mkfifo(os.environ["KUBECONFIG"])
    """,
}


@pytest.mark.usefixtures("silent_cluster")
@pytest.mark.parametrize("preparation", WAITS.values(), ids=WAITS)
def test_ctrl_c_ends_every_call_at_once(preparation: str) -> None:
    script = textwrap.dedent("""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for name, call in calls(60).items():
            print(name, flush=True)
            try:
                call()
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        os._exit(0)
    """)
    command = [sys.executable, "-c", PREAMBLE + CALLS + textwrap.dedent(preparation) + script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        names = []
        while name := process.stdout.readline():
            names.append(name.strip())
            time.sleep(0.2)
            begin = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n", process.communicate(timeout=10)
            assert time.monotonic() - begin < 2, name
        assert process.wait(timeout=10) == 0
    assert len(names) == NUMBER_OF_CALLS


def test_a_forked_child_gets_an_error_and_does_not_hang() -> None:
    run("""
        client = Client(timeout=0.1)
        client.get_sync("foo", namespace="flyte")

        def refused(call):
            try:
                call()
            except DataServiceError as error:
                return "forked" in str(error)

        async def get():
            await client.get("foo", namespace="flyte")

        child = os.fork()
        if not child:
            each = [
                refused(lambda: client.get_sync("foo", namespace="flyte")),
                refused(lambda: asyncio.run(get())),
                client.get_known("foo", namespace="flyte") is None,
            ]
            os._exit(0 if all(each) else 2)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)


def test_a_child_that_is_forked_before_the_first_use_works() -> None:
    run("""
        client = Client(timeout=0.1)
        child = os.fork()
        assert client.get_sync("foo", namespace="flyte").reason == "Unknown"
        if not child:
            os._exit(0)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)


def test_two_event_loops_in_two_threads_use_one_client() -> None:
    client = Client(timeout=0.3)

    async def ask() -> set[str]:
        calls = [client.get(f"foo-{number}", namespace="flyte") for number in range(20)]
        return {status.reason for status in await asyncio.gather(*calls)}

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(asyncio.run, ask()) for _ in range(2)]
        assert [each.result(timeout=30) for each in both] == [{"Unknown"}] * 2


def test_threads_that_block_do_not_wait_for_each_other() -> None:
    client = Client(timeout=0.5)
    threads = threading.active_count()
    begin = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        calls = [pool.submit(client.get_sync, f"foo-{number}", namespace="flyte") for number in range(40)]
        assert {call.result(timeout=30).reason for call in calls} == {"Unknown"}
    assert time.monotonic() - begin < 10, "one after the other it would take 20 s"
    assert threading.active_count() < threads + 10


def test_a_process_can_end_while_an_awaitable_is_pending() -> None:
    run("""
        async def main():
            call = asyncio.ensure_future(Client(timeout=60).get("foo", namespace="flyte"))
            await asyncio.sleep(0.1)

        asyncio.run(main())
    """)


def test_a_process_can_end_while_answers_arrive() -> None:
    run("""
        # Nobody closes this loop, so that answers come to one that is gone, and to an interpreter that ends.
        loop = asyncio.new_event_loop()
        clients = [Client(timeout=0.15 + number / 2000) for number in range(400)]

        async def begin():
            return [asyncio.ensure_future(client.get("foo", namespace="flyte")) for client in clients]

        calls = loop.run_until_complete(begin())
        loop.run_until_complete(asyncio.sleep(0.2))
    """)


def test_a_process_can_end_while_threads_wait() -> None:
    run("""
        def ask(timeout):
            Client(timeout=timeout).get_sync("foo", namespace="flyte")

        for number in range(40):
            threading.Thread(target=ask, args=(0.1 + number / 100,), daemon=True).start()
        time.sleep(0.25)
    """)
