"""Files that a reader, or a crash, never sees half-written."""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    The text goes to a temporary file in the same folder and to the disk, then takes the name by one rename. Watchers
    of the folder see one `moved to` event.

    Args:
        path: The file; it need not exist, its folder must.
        text: Its new content, written as UTF-8.

    Raises:
        OSError: The folder cannot be written; the old file, if any, is unharmed.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp's 0600 would keep other users' data planes from reading it
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
