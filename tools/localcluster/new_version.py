"""Makes the Go module of one more Kubernetes version: `python3 -m localcluster.new_version 1.35.4`.

It writes `go/kubernetes-1.35/go.mod` and `go.sum`, in place of those of an earlier patch of that minor version. What is
particular to the version, if anything, goes into `versions.py`, and so does its number.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from localcluster.go_modules import GO_FOLDER, KUBERNETES_PROGRAMS

#: The Go version that the module asks for at least: the one that this project needs anyway.
GO_VERSION = "1.26.0"
#: Kubernetes refers to its own libraries by folders of its repository; the same libraries are published as modules.
STAGING = "./staging/src/"
TEMPLATE = """\
module localcluster/kubernetes

go {go}

godebug (
{godebug}
)

tool (
{tools}
)

require k8s.io/kubernetes v{version}

// Kubernetes refers to its own libraries by folders of its repository; these are the same libraries as modules.
replace (
{replacements}
)
"""


def main() -> int:
    """Makes the module and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m localcluster.new_version", description=__doc__.split(":")[0])
    parser.add_argument("version", help="a released version with its patch, such as 1.35.4")
    version: str = parser.parse_args().version
    if not re.fullmatch(r"1\.\d+\.\d+", version):
        parser.error(f"{version!r} is not a version such as 1.35.4")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "go.mod").write_text(_go_mod(version, _own_module(version, folder)))
        if _go(folder, "mod", "tidy").returncode != 0:
            return 1
        target = GO_FOLDER / f"kubernetes-{version.rpartition('.')[0]}"
        target.mkdir(exist_ok=True)
        for file in ("go.mod", "go.sum"):
            shutil.copyfile(folder / file, target / file)
    print(f"{target} is of Kubernetes {version}; name the version in versions.py.")
    return 0


def _own_module(version: str, folder: Path) -> dict[str, Any]:
    """Return Kubernetes's own go.mod."""
    download = _go(folder, "mod", "download", "-json", f"k8s.io/kubernetes@v{version}", capture=True)
    file = json.loads(download.stdout).get("GoMod")
    if not file:
        sys.exit(f"Kubernetes {version} cannot be downloaded: {json.loads(download.stdout).get('Error')}")
    module: dict[str, Any] = json.loads(_go(folder, "mod", "edit", "-json", file, capture=True).stdout)
    return module


def _go_mod(version: str, own: dict[str, Any]) -> str:
    libraries = [
        replacement["Old"]["Path"] for replacement in own["Replace"] if replacement["New"]["Path"].startswith(STAGING)
    ]
    library_version = f"v0.{version.partition('.')[2]}"
    # The Go runtime behaves as with the Go version of the release; where no such line says which, the `go` line does.
    settings = own.get("Godebug") or [{"Key": "default", "Value": f"go{'.'.join(own['Go'].split('.')[:2])}"}]
    return TEMPLATE.format(
        go=max(own["Go"], GO_VERSION, key=lambda text: [int(part) for part in text.split(".")]),
        godebug="\n".join(f"\t{setting['Key']}={setting['Value']}" for setting in settings),
        tools="\n".join(f"\t{package}" for package in sorted(KUBERNETES_PROGRAMS.values())),
        version=version,
        replacements="\n".join(f"\t{path} => {path} {library_version}" for path in sorted(libraries)),
    )


def _go(folder: Path, *arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *arguments],
        cwd=folder,
        env={**os.environ, "GOWORK": "off"},
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
