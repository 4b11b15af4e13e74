"""Where a row came from: code, versions, machine."""

import functools
import importlib.metadata
import os
import pathlib
import platform
import subprocess

import jax

_PACKAGES = ("recover", "jax", "jaxlib", "equinox", "lineax", "optimistix", "numpy")


@functools.cache
def commit() -> str:
    """The commit of the checkout this package is imported from, `+changes` appended if files differ; empty outside one."""
    folder = pathlib.Path(__file__).parent

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)

    try:
        head = git("rev-parse", "HEAD").stdout.strip()
        return head + ("+changes" if git("status", "--porcelain", "--untracked-files=no").stdout.strip() else "")
    except (OSError, subprocess.SubprocessError):
        return ""


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, str | int]:
    """The device that computes and the processor around it."""
    devices = jax.local_devices()
    return {
        "platform": devices[0].platform,
        "device": devices[0].device_kind,
        "device_count": len(devices),
        "processor": platform.machine(),
        "cores": os.cpu_count() or 1,
        "process": jax.process_index(),
    }
