"""A profile file that is followed: a changed file, or a link that points elsewhere, is read again."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from insurance_risk.errors import InsuranceRiskError
from insurance_risk.profile import Profile, load_profile
from insurance_risk.serving.metrics import PROFILE_RELOADS

CHECK_INTERVAL: Final = 1.0
"""Seconds between two looks at the file."""

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int, int]


class ProfileFile:
    """The newest valid profile of a file.

    A file that has become unreadable or invalid is refused: the profile read before stays, the reason is logged once,
    and the file is read again as soon as it changes again.

    Args:
        path: The file, or a link to it; links in its path are followed at every look.
        model_name: Label of the reload counter.
        check: Called with a profile that was read; raises an :class:`InsuranceRiskError` to refuse it.
        clock: Monotonic seconds.

    Raises:
        InsuranceRiskError: the file cannot be used at the start.
    """

    def __init__(
        self,
        path: Path,
        *,
        model_name: str,
        check: Callable[[Profile], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._model_name = model_name
        self._check = check
        self._clock = clock
        self._stamp = self._look()
        self.profile = self._read()
        self._next_look = clock() + CHECK_INTERVAL

    def refresh(self) -> bool:
        """Look at the file if the last look is a second ago, and read it if it changed.

        Returns:
            Whether ``profile`` is another one than before.
        """
        now = self._clock()
        if now < self._next_look:
            return False
        self._next_look = now + CHECK_INTERVAL
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        before = self.profile.digest
        try:
            self.profile = self._read()
        except InsuranceRiskError as error:
            PROFILE_RELOADS.labels(self._model_name, "refused").inc()
            logger.warning("keeping the profile %s: %s", before, error)
            return False
        PROFILE_RELOADS.labels(self._model_name, "loaded").inc()
        if self.profile.digest == before:
            return False
        logger.info("the profile is now %s (was %s)", self.profile.digest, before)
        return True

    def _look(self) -> _Stamp | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size

    def _read(self) -> Profile:
        profile = load_profile(self._path)
        self._check(profile)
        return profile
