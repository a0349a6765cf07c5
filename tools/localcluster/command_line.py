"""The commands of `python3 -m localcluster`."""

from __future__ import annotations

import argparse
import os
import sys

from localcluster.binaries import build_all
from localcluster.cluster import LocalCluster
from localcluster.errors import LocalClusterError
from localcluster.go_modules import COMMON_MODULES, kubernetes
from localcluster.locks import locked
from localcluster.paths import cluster_folder, clusters_folder
from localcluster.processes import is_alive
from localcluster.progress import ProgressLine
from localcluster.record import ClusterRecord
from localcluster.startup import is_up, lock_of
from localcluster.teardown import take_down
from localcluster.versions import DEFAULT, VARIABLE, VERSIONS, chosen_version, minor_of

FAILED = 1
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    progress = ProgressLine()
    try:
        code = _run(options, progress)
    except LocalClusterError as error:
        progress.close()
        print(f"localcluster: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        progress.close()
        print(f"localcluster: the operating system refused something: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        progress.close()
        print("localcluster: interrupted", file=sys.stderr)
        return INTERRUPTED
    progress.close()
    return code


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = _parser()
    if arguments[:1] != ["kubectl"]:
        return parser.parse_args(arguments)
    # argparse would take kubectl's own options for its own; only a leading --name is ours.
    own = 1
    if arguments[1:2] == ["--name"]:
        own = 3
    elif arguments[1:2] and arguments[1].startswith(("--name=", "-h", "--help")):
        own = 2
    options = parser.parse_args(arguments[:own])
    options.arguments = arguments[own:]
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcluster", description="A real Kubernetes cluster on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="default", help="which cluster (default: %(default)s)")
    versioned = argparse.ArgumentParser(add_help=False)
    versioned.add_argument(
        "--kubernetes", metavar="VERSION",
        help=f"{', '.join(map(minor_of, VERSIONS))}; default: the variable {VARIABLE}, or else {minor_of(DEFAULT)}",
    )  # fmt: skip
    commands.add_parser(
        "up", parents=[named, versioned], help="bring a cluster up, building its programs the first time"
    )
    down = commands.add_parser("down", parents=[named], help="take a cluster down and remove everything of it")
    down.add_argument("--all", action="store_true", help="take all clusters down")
    commands.add_parser("status", help="list the clusters")
    commands.add_parser("kubectl", parents=[named], help="run kubectl against a cluster: kubectl [--name NAME] ...")
    commands.add_parser("build", parents=[versioned], help="build the programs only")
    return parser


def _run(options: argparse.Namespace, progress: ProgressLine) -> int:
    if options.command == "up":
        _print_usage(LocalCluster.start(options.name, progress, kubernetes=options.kubernetes), progress)
    elif options.command == "down":
        for name in _recorded_names() if options.all else [options.name]:
            _down(name, progress)
    elif options.command == "status":
        return _status()
    elif options.command == "kubectl":
        cluster = LocalCluster.attach(options.name)
        program = str(cluster.kubectl_program)
        os.execv(program, [program, "--kubeconfig", str(cluster.kubeconfig), *options.arguments])
    else:
        build_all([*COMMON_MODULES, kubernetes(chosen_version(options.kubernetes) or DEFAULT)], progress)
    return 0


def _print_usage(cluster: LocalCluster, progress: ProgressLine) -> None:
    progress("ready")
    progress.close()
    if cluster.why_no_real_pods:
        print(f"Pods only turn Ready here, they do not run. {cluster.why_no_real_pods}")
    print(f"The cluster {cluster.name} is up with Kubernetes {cluster.version}. To use it:")
    print(f"  export KUBECONFIG={cluster.kubeconfig}")
    print(f"  python3 -m localcluster kubectl --name {cluster.name} get pods --namespace flyte")
    print(f"  python3 -m localcluster down --name {cluster.name}")


def _down(name: str, progress: ProgressLine) -> None:
    progress(f"taking the cluster {name} down")
    folder = cluster_folder(name)
    with locked(lock_of(name), lambda: progress(f"waiting for another process that works on the cluster {name}")):
        take_down(folder)


def _recorded_names() -> list[str]:
    folder = clusters_folder()
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def _status() -> int:
    names = _recorded_names()
    if not names:
        print("There is no cluster.")
    for name in names:
        folder = cluster_folder(name)
        record = ClusterRecord.load(folder)
        if record is None:
            print(f"{name}: did not come up; its logs are in {folder / 'logs'}")
        elif is_up(record):
            node = "real pods" if record.runs_real_pods else "pods do not run"
            print(
                f"{name}: up, Kubernetes {record.kubernetes}, {node}, {record.api_server}, "
                f"KUBECONFIG={folder / 'kubeconfig'}"
            )
        else:
            dead = ", ".join(process.component for process in record.processes if not is_alive(process))
            print(f"{name}: broken; not running: {dead or 'it never got ready'}; `up` or `down` cleans up")
    return 0
