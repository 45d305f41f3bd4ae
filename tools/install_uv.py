"""Put a pinned uv into a folder, with nothing but the standard library.

A fresh Debian has Python but neither pip nor venv, and `make demo` must work there: this fetches the one wheel of uv
for this machine from the package index, checks its digest and unpacks the two programs in it.

Usage: python3 tools/install_uv.py FOLDER

The index is UV_DEFAULT_INDEX or PIP_INDEX_URL where one is set, and PyPI otherwise.
"""

import hashlib
import io
import json
import os
import platform
import stat
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urljoin

VERSION = "0.13.9"
WHEELS = {
    ("Linux", "x86_64"): (
        f"uv-{VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("Linux", "aarch64"): (
        f"uv-{VERSION}-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    ),
}
SIMPLE_API = "application/vnd.pypi.simple.v1+json"


def fetch(url: str, accept: str = "*/*") -> bytes:
    """The body of `url`.

    Raises:
        SystemExit: the address could not be read.
    """
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - the index is the user's choice
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            body: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        sys.exit(f"install_uv: cannot read {url}: {error}. Check the network, or install uv yourself and try again.")
    return body


def wheel_bytes(name: str, digest: str) -> bytes:
    """The wheel `name` from the package index, with its SHA-256 checked against `digest` (hexadecimal)."""
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    page = f"{index.rstrip('/')}/uv/"
    try:
        files = json.loads(fetch(page, accept=SIMPLE_API))["files"]
    except (ValueError, KeyError):
        sys.exit(
            f"install_uv: {page} does not answer as a package index with JSON pages (PEP 691). Install uv yourself."
        )
    for file in files:
        if file["filename"] == name:
            wheel = fetch(urljoin(page, file["url"]))
            found = hashlib.sha256(wheel).hexdigest()
            if found != digest:
                sys.exit(f"install_uv: {name} has SHA-256 {found}, expected {digest}: not installed.")
            return wheel
    sys.exit(f"install_uv: {page} does not list {name}. Install uv {VERSION} yourself and try again.")


def main() -> None:
    """Install uv into the folder given on the command line."""
    if len(sys.argv) != 2:  # noqa: PLR2004
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    machine = (platform.system(), platform.machine())
    if machine not in WHEELS:
        sys.exit(f"install_uv: no wheel is pinned for {' '.join(machine)}: install uv yourself and try again.")
    name, digest = WHEELS[machine]
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(wheel_bytes(name, digest))) as archive:
        for program in ("uvx", "uv"):  # uv last: its presence says that the installation is complete
            target = folder / program
            partial = target.with_suffix(".partial")
            partial.write_bytes(archive.read(f"uv-{VERSION}.data/scripts/{program}"))
            partial.chmod(partial.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            partial.replace(target)
    print(f"uv {VERSION} installed in {folder}")  # noqa: T201 - the words of a command


if __name__ == "__main__":
    main()
