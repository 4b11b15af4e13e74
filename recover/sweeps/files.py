"""Files that are whole as soon as they are there, whoever else reads or writes the same folder."""

import os
import pathlib
import tempfile


def write_whole(path: pathlib.Path, content) -> None:
    """Writes bytes under a temporary name and renames, so that readers see all of them or no file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise
