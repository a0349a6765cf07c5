"""This machine's Python with this project, as a pod has it."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from cluster.support.kubernetes import Object

IMAGE = "busybox:latest"


def with_host_python(spec: Object, command: list[str]) -> Object:
    """Returns the spec of a pod whose first container runs a command with this machine's Python.

    Args:
        spec: The spec, whose first container gets the image, the command and the folders.
        command: The command, by the paths that programs have on this machine.
    """
    folders = {"/usr", sys.base_prefix, sys.prefix, sysconfig.get_path("platlib"), *_package_folders()}
    outermost = [
        folder for folder in folders if not any(folder != other and _inside(folder, other) for other in folders)
    ]
    mounts = [{"name": f"host-{index}", "mountPath": folder} for index, folder in enumerate(outermost)]
    volumes = [{"name": f"host-{index}", "hostPath": {"path": folder}} for index, folder in enumerate(outermost)]
    # The loader and the C library, which merged-usr systems have under /usr alone.
    for index, (link, target) in enumerate({"/lib": "/usr/lib", "/lib64": "/usr/lib64"}.items()):
        if Path(target).is_dir():
            mounts.append({"name": f"lib-{index}", "mountPath": link})
            volumes.append({"name": f"lib-{index}", "hostPath": {"path": target}})
    container, *others = spec["containers"]
    container = container | {
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [*container.get("env", []), {"name": "HOME", "value": "/tmp"}],
        "volumeMounts": [mount | {"readOnly": True} for mount in mounts],
    }
    return spec | {"containers": [container, *others], "volumes": volumes}


def _package_folders() -> set[str]:
    import flytekitplugins_k8sdataservice
    import k8sdataservice

    files = (flytekitplugins_k8sdataservice.__file__, k8sdataservice.__file__)
    return {str(Path(file).parents[1]) for file in files}


def _inside(folder: str, other: str) -> bool:
    return Path(folder).is_relative_to(other)
