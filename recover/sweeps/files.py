"""Files that are whole as soon as they are there, whoever else reads or writes the same folder."""

import contextlib
import os
import pathlib


def write_whole(path: pathlib.Path, content) -> None:
    """Writes bytes under a temporary name and renames, so that readers see all of them or no file."""
    temporary = path.with_name(f".writing-{os.getpid()}-{os.urandom(8).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def set_aside(path: pathlib.Path) -> None:
    """Keeps what is damaged under another name, to make room for what shall be there."""
    # Another process may be faster.
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(path.name + ".damaged"))
