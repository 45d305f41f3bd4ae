"""The profile file on disk: looked at again and again, read again when it changes."""

from pathlib import Path
from typing import TypeAlias

from drift_detectors.profiles import Profile, load_profile

_Identity: TypeAlias = tuple[int, int, int, int]


class ProfileFile:
    """A profile file that may be replaced while the service runs; symbolic links are followed.

    Args:
        path: the file.

    Raises:
        ProfileError: when it cannot be loaded now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = self._identify()
        self.profile = load_profile(path)

    def poll(self) -> Profile | None:
        """Loads the profile when the file is another one than at the last look.

        Returns:
            The new profile; None when the file, or at least its digest, is the same as before.

        Raises:
            ProfileError: once for each state of the file that cannot be loaded; the old profile stays in force.
        """
        identity = self._identify()
        if identity == self._identity:
            return None
        self._identity = identity
        profile = load_profile(self._path)
        if profile.digest == self.profile.digest:
            return None
        self.profile = profile
        return profile

    def _identify(self) -> _Identity | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
