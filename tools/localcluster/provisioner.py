"""Makes a PersistentVolume for every claim of the cluster's StorageClass: a folder in the cluster's own one.

The controller manager has such a provisioner too, but its folders are below /tmp, stay there, and can be written by
root only. Volumes of the type `local` get the pod's fsGroup as real disks do.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from localcluster.api import Api, Object
from localcluster.layout import Layout
from localcluster.python_component import python_command

NAME = "localcluster/host-path"
STORAGE_CLASS = "host-path"
VOLUMES = "/api/v1/persistentvolumes"
CLAIMS = "/api/v1/persistentvolumeclaims"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_BY = "pv.kubernetes.io/provisioned-by"


def command(layout: Layout, api_server: str) -> list[str]:
    """Return the command line of the provisioner's process."""
    return python_command("localcluster.provisioner", str(layout.folder), api_server)


def provision(api: Api, volumes: Path, claim: Object) -> None:
    """Make a volume for a claim that waits for one."""
    specification = claim["spec"]
    if claim.get("status", {}).get("phase") != "Pending" or specification.get("storageClassName") != STORAGE_CLASS:
        return
    metadata = claim["metadata"]
    if specification.get("volumeName") or "deletionTimestamp" in metadata:
        return
    # The scheduler sets it once a pod wants the claim.
    if _SELECTED_NODE not in metadata.get("annotations", {}):
        return
    name = f"pvc-{metadata['uid']}"
    folder = volumes / name
    folder.mkdir(parents=True, exist_ok=True)
    # Writable also for pods that run as another user without an fsGroup.
    folder.chmod(0o777)
    api.create(VOLUMES, _volume(name, folder, claim))


def discard(api: Api, volumes: Path, volume: Object) -> None:
    """Remove a volume whose claim is gone, with its folder."""
    metadata = volume["metadata"]
    if metadata.get("annotations", {}).get(_BY) != NAME or volume.get("status", {}).get("phase") != "Released":
        return
    if volume["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
        return
    shutil.rmtree(volumes / metadata["name"], ignore_errors=True)
    api.delete(f"{VOLUMES}/{metadata['name']}")


def _volume(name: str, folder: Path, claim: Object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_BY: NAME}},
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": STORAGE_CLASS,
            "volumeMode": "Filesystem",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim["metadata"]["namespace"],
                "name": claim["metadata"]["name"],
                "uid": claim["metadata"]["uid"],
            },
            "local": {"path": str(folder)},
            # Required for local volumes; every node of this cluster is the same machine.
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}
                    ]
                }
            },
        },
    }


def _follow(api: Api, path: str, act: Callable[[Object], None]) -> None:
    """Act on every object and every change of it, for ever."""
    while True:
        try:
            for change, found in api.watch(path):
                if change in ("ADDED", "MODIFIED"):
                    act(found)
                elif change == "ERROR":
                    break
        except OSError as error:
            # The API server restarts in some tests; the next watch begins with all objects again.
            print(f"watching {path} ended: {error}", flush=True)
        time.sleep(0.5)


def main() -> None:
    """Run until killed; the arguments are the cluster's folder and the API server's URL."""
    layout = Layout(Path(sys.argv[1]))
    api = Api(sys.argv[2], layout)
    threading.Thread(
        target=_follow, args=(api, VOLUMES, lambda volume: discard(api, layout.volumes, volume)), daemon=True
    ).start()
    _follow(api, CLAIMS, lambda claim: provision(api, layout.volumes, claim))
