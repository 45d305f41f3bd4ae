"""Errors that end a command; each class carries the exit code it ends with."""

from typing import ClassVar

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


class OperatorError(Exception):
    """A run or a check failed; the message says what, where and what to do."""

    exit_code: ClassVar[int] = EXIT_FAILED


class InputError(OperatorError):
    """A file or an option that was given cannot be used."""

    exit_code: ClassVar[int] = EXIT_BAD_INPUT


class ResourceError(InputError):
    """A DriftBreaker resource is missing, is not YAML, or breaks a rule of its schema."""


class StateFileError(InputError):
    """The state file exists but cannot be resumed from."""


class RecordingError(InputError):
    """A recording of evidence cannot be read or written."""


class RouteError(OperatorError):
    """The route could not be written or read."""
