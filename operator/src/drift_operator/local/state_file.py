"""The breaker's state on disk, so that a killed operator goes on where it was."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from drift_operator.atomic_files import replace_file
from drift_operator.breaker import State
from drift_operator.breaker.base import Frozen
from drift_operator.errors import StateFileError

FORMAT: Literal["driftbreaker.dev/breaker-state/v1"] = "driftbreaker.dev/breaker-state/v1"


class _SavedState(Frozen):
    format: Literal["driftbreaker.dev/breaker-state/v1"] = FORMAT
    name: str
    namespace: str
    state: State


class StateFile:
    """The state file of one DriftBreaker.

    Args:
        path: The file; its folder must exist.
        name: Name of the DriftBreaker.
        namespace: Its namespace.
    """

    def __init__(self, path: Path, *, name: str, namespace: str) -> None:
        self._path = path
        self._name = name
        self._namespace = namespace

    def load(self) -> State | None:
        """The saved state, or None when there is none yet.

        Raises:
            StateFileError: The file cannot be read, is no state, or is another DriftBreaker's.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StateFileError(f"the state file {self._path} cannot be read: {error}") from error
        try:
            saved = _SavedState.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the file"
            raise StateFileError(
                f"the state file {self._path} cannot be resumed from ({place}: {first['msg']}); "
                "remove it to start anew with all traffic on the model"
            ) from error
        if (saved.namespace, saved.name) != (self._namespace, self._name):
            raise StateFileError(
                f"the state file {self._path} belongs to the DriftBreaker {saved.namespace}/{saved.name}, "
                f"not to {self._namespace}/{self._name}; give each its own --state-file"
            )
        return saved.state

    def save(self, state: State) -> None:
        """Save the state, whole or not at all.

        Raises:
            StateFileError: The file cannot be written.
        """
        saved = _SavedState(name=self._name, namespace=self._namespace, state=state)
        try:
            replace_file(self._path, saved.model_dump_json(indent=1) + "\n")
        except OSError as error:
            raise StateFileError(f"the state file {self._path} cannot be written: {error}") from error
