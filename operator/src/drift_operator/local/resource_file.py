"""The DriftBreaker's YAML file, read again when it changes: editing it is how a person pins, or changes the policy."""

from pathlib import Path

from drift_operator.errors import InputError, ResourceError
from drift_operator.local.settings import LocalSettings
from drift_operator.resource.driftbreaker import DriftBreaker, parse_driftbreaker


def read_driftbreaker(path: Path) -> DriftBreaker:
    """Read a DriftBreaker from a file.

    Raises:
        ResourceError: The file cannot be read or is no valid DriftBreaker.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ResourceError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ResourceError(f"{path}: no UTF-8 text") from error
    return parse_driftbreaker(text, source=str(path))


class ResourceFile:
    """The file, and the last valid resource that it held.

    Args:
        settings: Name the file and the backends.

    Raises:
        InputError: The file does not hold a valid resource, or names a backend without an address.
    """

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._stamp = self._look()
        self.resource = read_driftbreaker(settings.file)
        settings.require_backends(self.resource.spec)
        self.error: str | None = None
        """What is wrong with the file as it is now; the last valid resource stays in force."""

    def _look(self) -> tuple[int, int, int] | None:
        try:
            seen = self._settings.file.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size, seen.st_ino

    def reread(self, *, even_if_unchanged: bool = False) -> bool:
        """Read the file again if it changed.

        Args:
            even_if_unchanged: Read it in any case.

        Returns:
            Whether the resource in force or the error has changed.
        """
        stamp = self._look()
        if stamp == self._stamp and not even_if_unchanged:
            return False
        self._stamp = stamp
        before = self.resource, self.error
        try:
            read = read_driftbreaker(self._settings.file)
            self._settings.require_backends(read.spec)
            if read.metadata != self.resource.metadata:
                raise ResourceError(
                    f"{self._settings.file}: metadata.name or metadata.namespace changed; "
                    "start another operator for another DriftBreaker"
                )
        except InputError as error:
            self.error = str(error)
        else:
            self.resource, self.error = read, None
        return (self.resource, self.error) != before
