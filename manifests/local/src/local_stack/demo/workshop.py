"""The rooms' commands that the demo runs: generate, train, score, replay. Each failure says which command failed."""

import json
import shlex
from pathlib import Path
from typing import Any

from local_stack.errors import StackError, UsageError
from local_stack.stack.commands import RunFolder, room_program
from local_stack.stack.processes import run_command

FIRST_BUNDLE = "month-0"
GATE_FAILED = 1
BAD_INPUT = 2


class Workshop:
    """Runs the rooms' commands in one run's folder.

    Args:
        run: the run's folder.
        seed: seed of data and training.
    """

    def __init__(self, run: RunFolder, seed: int) -> None:
        self._run = run
        self._seed = seed
        self._log = run.log("workshop")

    async def generate(self, months: int, variant: str = "both", abrupt_month: int | None = None) -> Path:
        """Generate a data set into the run's folder.

        Args:
            months: how many.
            variant: which world, as `insurance-data generate --variant` names it.
            abrupt_month: first changed month of the variant `abrupt`.
        """
        folder = self._run.path / "data"
        command = (
            room_program("data", "insurance-data"),
            "generate",
            *("--out", str(folder)),
            *("--seed", str(self._seed)),
            *("--months", str(months)),
            *("--variant", variant),
            *(("--month", str(abrupt_month)) if abrupt_month is not None else ()),
        )
        await self._expect_success(command)
        return folder

    async def train_first(self, data: Path) -> None:
        """Train the bundle on the historic rows and put it into use.

        Raises:
            StackError: it failed its gates.
        """
        if not await self.train(data, FIRST_BUNDLE):
            report = self.bundle(FIRST_BUNDLE) / "gates.json"
            raise StackError(f"the first model failed its gates, so there is nothing to serve: see {report}")
        self.use(FIRST_BUNDLE)

    async def train(self, data: Path, name: str, months: tuple[int, ...] = ()) -> bool:
        """Train a bundle called `name`; on the historic rows, or on the months given.

        Returns:
            Whether it passed the gates. A bundle that did not is kept for reading and never served.
        """
        command = (
            room_program("model", "insurance-risk"),
            "train",
            *("--data", str(data)),
            *("--out", str(self.bundle(name))),
            *("--seed", str(self._seed)),
            *(("--months", ",".join(str(month) for month in months)) if months else ()),
        )
        code, output = await run_command(command, self._log)
        if code not in {0, GATE_FAILED}:
            raise self._failure(command, code)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(output)
        return code == 0

    def bundle(self, name: str) -> Path:
        """The folder of the bundle called `name`."""
        return self._run.bundle.parent / name

    def use(self, name: str) -> str:
        """Make `name` the bundle in use, in one step for every reader.

        Returns:
            The digest of its profile.
        """
        link = self._run.bundle
        fresh = link.with_name(f".{link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(name)
        fresh.replace(link)
        digest: str = json.loads(self._run.profile.read_text(encoding="utf-8"))["digest"]
        return digest

    async def score(self, data: Path, bundles: list[str]) -> Path:
        """What each bundle's model and the rules answer to every row of the months, as a CSV file."""
        out = self._run.path / "scores.csv"
        command = (
            room_program("model", "insurance-risk"),
            "score",
            *("--data", str(data)),
            *(word for name in bundles for word in ("--bundle", f"{name}={self.bundle(name)}")),
            *("--rules", str(self.bundle(bundles[0]) / "profile.json")),
            *("--out", str(out)),
        )
        await self._expect_success(command)
        return out

    async def replay_events(self) -> list[dict[str, Any]]:
        """The windows that the recorded events give offline."""
        command = (room_program("detectors", "drift-detectors"), "replay", str(self._run.events), "--json")
        windows: list[dict[str, Any]] = json.loads(await self._expect_success(command))["windows"]
        return windows

    async def replay_evidence(self) -> tuple[bool, list[dict[str, Any]]]:
        """Whether the recorded evidence gives the recorded decisions, and the switches that it gives."""
        command = (room_program("operator", "drift-operator"), "replay", str(self._run.evidence), "--json")
        code, output = await run_command(command, self._log)
        if code not in {0, 1}:
            raise self._failure(command, code)
        switches: list[dict[str, Any]] = json.loads(output)["switches"]
        return code == 0, switches

    async def _expect_success(self, command: tuple[str, ...]) -> str:
        code, output = await run_command(command, self._log)
        if code != 0:
            raise self._failure(command, code)
        return output

    def _failure(self, command: tuple[str, ...], code: int) -> StackError:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = lines[-1] if lines else "no word"
        kind = UsageError if code == BAD_INPUT else StackError
        short = shlex.join((Path(command[0]).name, *command[1:]))
        return kind(f"`{short}` ended with exit code {code}: {said} (log: {self._log})")
