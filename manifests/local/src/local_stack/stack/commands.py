"""The rooms' commands, as the stack calls them. Pure functions: settings in, command lines out."""

from dataclasses import dataclass
from pathlib import Path

from local_stack.stack.processes import ProcessSpec
from local_stack.stack.settings import LOCAL_FOLDER, REPOSITORY, StackSettings


@dataclass(frozen=True)
class RunFolder:
    """Where a run of the stack keeps its files."""

    path: Path

    @property
    def bundle(self) -> Path:
        """The bundle in use: a symbolic link, replaced by rename when the model is retrained."""
        return self.path / "bundles" / "current"

    @property
    def profile(self) -> Path:
        """The reference profile in use."""
        return self.bundle / "profile.json"

    @property
    def routes(self) -> Path:
        """The route file: alone in its folder, since Envoy watches that."""
        return self.path / "routes" / "routes.json"

    @property
    def operator_state(self) -> Path:
        """The breaker's state."""
        return self.path / "operator" / "state.json"

    @property
    def events(self) -> Path:
        """The detector's recording of accepted events."""
        return self.path / "recordings" / "events.jsonl"

    @property
    def evidence(self) -> Path:
        """The operator's recording of evidence and decisions."""
        return self.path / "recordings" / "evidence.jsonl"

    def log(self, name: str) -> Path:
        """The log of the process `name`."""
        return self.path / "logs" / f"{name.replace(' ', '-')}.log"


def room_program(room: str, program: str) -> str:
    """A command of a room, from the room's own environment."""
    return str(REPOSITORY / room / ".venv" / "bin" / program)


def model_server(settings: StackSettings, run: RunFolder) -> ProcessSpec:
    """The model's predictor."""
    return _predictor(settings, run, "model", ("--bundle", str(run.bundle)))


def rules_server(settings: StackSettings, run: RunFolder) -> ProcessSpec:
    """The fallback's predictor."""
    return _predictor(settings, run, "rules", ("--profile", str(run.profile)))


def _predictor(settings: StackSettings, run: RunFolder, side: str, source: tuple[str, str]) -> ProcessSpec:
    """The predictor of `side` (`model` or `rules`), which answers from `source`."""
    name = f"{side} server"
    command = (
        room_program("model", "insurance-risk"),
        f"serve-{side}",
        *source,
        *("--model-name", settings.model),
        *("--host", settings.host),
        *("--http-port", str(getattr(settings.ports, f"{side}_http"))),
        *("--grpc-port", str(getattr(settings.ports, f"{side}_grpc"))),
        "--docs",
    )
    return ProcessSpec(name, command, run.log(name), SINGLE_THREAD)


def agent(settings: StackSettings, run: RunFolder, side: str) -> ProcessSpec:
    """The stand-in for KServe's agent in front of `side` (`model` or `rules`)."""
    command = (
        room_program("manifests/local", "local-stack"),
        "agent",
        *("--host", settings.host),
        *("--port", str(getattr(settings.ports, f"{side}_agent"))),
        *("--upstream", settings.url(f"{side}_http")),
        *("--sink", f"{settings.url('detector')}/"),
        *("--inference-service", getattr(settings, side)),
        *("--namespace", settings.namespace),
    )
    return ProcessSpec(f"agent of the {side}", command, run.log(f"agent {side}"))


def detector(settings: StackSettings, run: RunFolder, *, record: bool) -> ProcessSpec:
    """The drift detector."""
    command = (
        room_program("detectors", "drift-detectors"),
        "serve",
        *("--profile", str(run.profile)),
        *("--stream", settings.model),
        *("--inference-service", settings.model),
        *("--inference-service", settings.rules),
        *("--namespace", settings.namespace),
        *("--host", settings.host),
        *("--port", str(settings.ports.detector)),
        *(("--record", str(run.events)) if record else ()),
    )
    return ProcessSpec("drift detector", command, run.log("drift detector"), SINGLE_THREAD)


def operator(settings: StackSettings, run: RunFolder, resource: Path, *, record: bool) -> ProcessSpec:
    """The breaker, reading the DriftBreaker in `resource`."""
    ports = settings.ports
    command = (
        room_program("operator", "drift-operator"),
        "local",
        *("--file", str(resource)),
        *("--routes-file", str(run.routes)),
        *("--backend", f"{settings.model}={settings.host}:{ports.model_agent}"),
        *("--backend", f"{settings.rules}={settings.host}:{ports.rules_agent}"),
        *("--state-file", str(run.operator_state)),
        *("--host", settings.host),
        *("--port", str(ports.operator)),
        *("--envoy-admin", settings.url("envoy_admin")),
        *(("--record", str(run.evidence)) if record else ()),
    )
    return ProcessSpec("operator", command, run.log("operator"))


def envoy(run: RunFolder, configuration: Path) -> ProcessSpec:
    """The front door."""
    command = (
        room_program("manifests/local", "envoy"),
        *("--config-path", str(configuration)),
        # One stack beside another on the same machine: no shared memory region, no hot restart.
        "--disable-hot-restart",
        *("--concurrency", "1"),
        *("--log-level", "warning"),
    )
    return ProcessSpec("Envoy", command, run.log("envoy"))


DRIFTBREAKER = LOCAL_FOLDER / "driftbreaker.yaml"
"""The resource that the stack's operator reads, with the stack's default ports."""

# Linear algebra on a handful of rows gains nothing from threads, and two cores are shared by seven processes.
SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
