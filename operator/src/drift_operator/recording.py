"""Recordings: every evidence with its decision, as JSON lines, so that decisions can be made again.

A recording begins with a `start` line (spec and state); a `spec` line marks an edit of the resource; each `evidence`
line holds one evidence and what was decided. A restart of the operator appends another `start` line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TextIO

from pydantic import Field, TypeAdapter, ValidationError

from drift_operator.breaker import Decision, Evidence, State
from drift_operator.breaker.base import Frozen
from drift_operator.errors import RecordingError
from drift_operator.resource.spec import DriftBreakerSpec

FORMAT: Literal["driftbreaker.dev/recording/v1"] = "driftbreaker.dev/recording/v1"


class StartLine(Frozen):
    """The operator started: from here on, this spec and this state hold."""

    kind: Literal["start"] = "start"
    format: Literal["driftbreaker.dev/recording/v1"] = FORMAT
    name: str
    namespace: str
    spec: DriftBreakerSpec
    state: State


class SpecLine(Frozen):
    """The resource was edited: from here on, this spec holds."""

    kind: Literal["spec"] = "spec"
    spec: DriftBreakerSpec


class EvidenceLine(Frozen):
    """One evidence and the decision on it."""

    kind: Literal["evidence"] = "evidence"
    evidence: Evidence
    decision: Decision


Line = StartLine | SpecLine | EvidenceLine
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


class Recorder:
    """Appends lines to a recording.

    A line that a crash cut off at the end of the file is removed first.

    Args:
        path: The file; its folder must exist.

    Raises:
        RecordingError: The file cannot be opened, or is no recording.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            _drop_cut_line(path)
            self._file: TextIO = path.open("a", encoding="utf-8")
        except OSError as error:
            raise RecordingError(f"the recording {path} cannot be written: {error}") from error

    def append(self, line: Line) -> None:
        """Append one line and hand it to the operating system.

        Raises:
            RecordingError: The file cannot be written.
        """
        try:
            self._file.write(line.model_dump_json() + "\n")
            self._file.flush()
        except OSError as error:
            raise RecordingError(f"the recording {self._path} cannot be written: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _drop_cut_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


def read_recording(path: Path) -> Iterator[tuple[int, Line]]:
    """Read a recording.

    A last line without its newline was cut off by a crash and is left out.

    Args:
        path: The file.

    Yields:
        Number of the line, from 1, and the line.

    Raises:
        RecordingError: The file cannot be read, a line is not one of a recording, or it does not begin with `start`.
    """
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if not text.endswith("\n"):
                    break
                line = _LINE.validate_json(text)
                if number == 1 and not isinstance(line, StartLine):
                    raise RecordingError(f"{path}, line 1: a recording begins with a line of kind 'start'")
                yield number, line
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not a recording: it is no UTF-8 text") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the line"
        raise RecordingError(f"{path}, line {number}: not a recording's line: {place}: {first['msg']}") from error
    if number == 0:
        raise RecordingError(f"{path} is empty; a recording begins with a line of kind 'start'")
