"""One benchmark in a process of its own, so that memory and threads of one do not disturb the next."""

import importlib
import json
import os
import subprocess
import sys

_MARK = "benchmark result: "


def isolated(name: str, function: str = "run", environment: dict[str, str] | None = None, **arguments) -> dict:
    """Calls a function of a benchmark in a fresh process; its numbers, and the peak of that process's resident set.

    A benchmark that fails gives its last line of complaint under `failed`, so that the others still run.
    """
    command = [sys.executable, "-m", "benchmarks.isolated", name, function, json.dumps(arguments)]
    environment = {**os.environ, **(environment or {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith(_MARK):
            return json.loads(line.removeprefix(_MARK))
    # Of a traceback, the line that names the error: what follows it is indented or goes into detail.
    complaint = [line for line in done.stderr.splitlines() if line and not line[0].isspace()]
    named = [line for line in complaint if "Error" in line] or complaint
    return {"failed": named[-1] if named else f"ended with code {done.returncode}"}


def main() -> None:
    """The other side of `isolated`."""
    import jax

    from .measure import peak_memory

    # What compiling takes is measured too, and must not depend on what was run before.
    jax.config.update("jax_enable_compilation_cache", False)
    name, function, arguments = sys.argv[1:]
    numbers = getattr(importlib.import_module(f"benchmarks.{name}"), function)(**json.loads(arguments))
    print(_MARK + json.dumps({**numbers, "peak_memory": peak_memory()}))


if __name__ == "__main__":
    main()
