"""One breaker on one machine: gather evidence, decide, keep the state, put the weights in force."""

import asyncio
import logging
import time
from typing import Any

import httpx

from drift_operator.breaker import Decision, Evidence, State, decide, initial_state
from drift_operator.errors import OperatorError, RecordingError, RouteError, StateFileError
from drift_operator.local.announcements import announcements
from drift_operator.local.probing import Prober
from drift_operator.local.report import local_status
from drift_operator.local.resource_file import ResourceFile
from drift_operator.local.settings import LocalSettings
from drift_operator.local.state_file import StateFile
from drift_operator.metrics import BreakerMetrics, new_registry
from drift_operator.recording import EvidenceLine, Line, Recorder, SpecLine, StartLine
from drift_operator.resource.spec import DriftBreakerSpec
from drift_operator.routes.envoy import EnvoyDataPlane
from drift_operator.routes.envoy_admin import EnvoyAdmin
from drift_operator.routes.envoy_file import RouteFile
from drift_operator.signals import SignalError, signal_source

_log = logging.getLogger(__name__)
_SAVE_SECONDS = 5.0
_LONGEST_SILENCE_SECONDS = 30.0


class LocalOperator:
    """The breaker of one DriftBreaker.

    Its state is saved before the route is written, and the route is compared with the state at every turn: after a
    kill at any moment the next start puts the decided weights in force without deciding, or counting, twice.

    Args:
        settings: What the command line says.
        client: Used for all requests.

    Raises:
        OperatorError: A file that was given cannot be used.
    """

    def __init__(self, settings: LocalSettings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._file = ResourceFile(settings)
        metadata = self._file.resource.metadata
        self._state_file = StateFile(settings.state_file, name=metadata.name, namespace=metadata.namespace)
        self._state = self._state_file.load() or initial_state(time.time(), self.spec.mode)
        self._saved: tuple[State, float] | None = None
        self._decision: Decision | None = None
        self._last_turn = time.monotonic()
        self._trouble: str | None = None
        admin = EnvoyAdmin(client, settings.envoy_admin) if settings.envoy_admin is not None else None
        self._data_plane = EnvoyDataPlane(RouteFile(settings.routes_file), admin)
        self.registry = new_registry()
        self._metrics = BreakerMetrics(
            self.registry, name=metadata.name, namespace=metadata.namespace, signal_age=self._signal_age
        )
        self.model_prober = Prober(client, lambda: settings.backends[self.spec.model.name], lambda: self.spec.probe)
        self.fallback_prober = Prober(
            client, lambda: settings.backends[self.spec.fallback.name], lambda: self.spec.probe
        )
        self._recorder = Recorder(settings.record) if settings.record is not None else None

    @property
    def spec(self) -> DriftBreakerSpec:
        """The spec in force."""
        return self._file.resource.spec

    def _signal_age(self) -> float:
        return max(0.0, time.time() - self._state.signal.last_read)

    def alive(self) -> bool:
        """Whether decisions are still being made."""
        silence = time.monotonic() - self._last_turn
        return self._decision is not None and silence < _LONGEST_SILENCE_SECONDS + 3 * self.spec.signal.interval

    def status(self) -> dict[str, Any] | None:
        """What `/status` shows; None before the first decision."""
        if self._decision is None:
            return None
        return local_status(
            self._state,
            self._decision,
            self.spec,
            signal_age=self._signal_age(),
            spec_error=self._file.error,
            trouble=self._trouble,
        )

    def begin(self) -> None:
        """Save the state that the operator starts from and put its weights in the route file.

        Raises:
            OperatorError: A file cannot be written.
        """
        self._save(self._state)
        self._data_plane.put(self.spec, self._state.weights)
        self._metrics.show(self._state)
        metadata = self._file.resource.metadata
        self._record(StartLine(name=metadata.name, namespace=metadata.namespace, spec=self.spec, state=self._state))
        _log.info(
            "breaker %s/%s starts: phase %s, %s %% of traffic on the model, mode %s",
            *(metadata.namespace, metadata.name, self._state.phase, self._state.weights.model, self.spec.mode),
        )

    def close(self) -> None:
        """Save the state and close the recording; the route stays as it is."""
        try:
            self._save(self._state)
        except StateFileError as error:
            _log.error("%s", error)
        if self._recorder is not None:
            self._recorder.close()

    def reread(self, *, even_if_unchanged: bool) -> None:
        """Read the resource again; an invalid edit leaves the last valid one in force and says so."""
        before = self.spec
        if not self._file.reread(even_if_unchanged=even_if_unchanged):
            return
        if self._file.error is not None:
            _log.error("the edit is not taken, the spec before it stays in force: %s", self._file.error)
        elif self.spec == before:
            _log.info("the resource is valid again; its spec has not changed")
        else:
            _log.info("the spec has changed and is in force")
            self._record(SpecLine(spec=self.spec))

    async def turn(self) -> None:
        """One turn of the loop: evidence, decision, state, route."""
        evidence = await self._gather()
        state, decision = decide(self._state, evidence, self.spec)
        if decision.planned != self._state.planned:
            # Whoever is about to get traffic shows at this very moment that it answers.
            gains_model = decision.planned.model > self._state.planned.model
            prober = self.model_prober if gains_model else self.fallback_prober
            probe = await prober.probe_now()
            fresh = {"time": time.time(), ("model" if gains_model else "fallback"): probe}
            evidence = evidence.model_copy(update=fresh)
            state, decision = decide(self._state, evidence, self.spec)
        try:
            self._save_if_due(state)
        except StateFileError as error:
            # What could not be saved is not done: the next turn decides again.
            self._in_trouble(error)
        else:
            self._adopt(state, decision, evidence)
            await self._put_in_force()
        self._last_turn = time.monotonic()

    async def _gather(self) -> Evidence:
        spec = self.spec
        source = signal_source(spec.signal, self._file.resource.metadata.namespace, self._client)
        data_plane = asyncio.ensure_future(self._data_plane.read(spec))
        reading, problem = None, None
        try:
            reading = await source.read()
        except SignalError as error:
            problem = str(error)
        seen = await data_plane
        return Evidence(
            time=time.time(),
            signal=reading,
            signal_error=problem,
            model=self.model_prober.latest,
            fallback=self.fallback_prober.latest,
            route=seen.route,
            served_requests=seen.served_requests,
        )

    def _adopt(self, state: State, decision: Decision, evidence: Evidence) -> None:
        for level, text in announcements(self._state, state, decision):
            _log.log(level, "%s", text)
        self._state, self._decision = state, decision
        self._metrics.show(state)
        self._metrics.count(decision)
        self._record(EvidenceLine(evidence=evidence, decision=decision))

    async def _put_in_force(self) -> None:
        try:
            written = self._data_plane.put(self.spec, self._state.weights)
        except RouteError as error:
            self._in_trouble(error)
            return
        self._trouble = None
        if written and (seconds := await self._data_plane.time_to_effect()) is not None:
            self._metrics.route_took_effect(seconds)

    def _in_trouble(self, error: OperatorError) -> None:
        if self._trouble != str(error):
            _log.error("%s; trying again", error)
        self._trouble = str(error)

    def _save_if_due(self, state: State) -> None:
        """Save what must survive a kill at once; mere timers of the signal and the probes every few seconds."""
        if self._saved is not None:
            saved, moment = self._saved
            timers = {"signal": saved.signal, "model": saved.model, "fallback": saved.fallback}
            recent = time.monotonic() - moment < _SAVE_SECONDS
            if recent and state.model_copy(update=timers) == saved:
                return
        self._save(state)

    def _save(self, state: State) -> None:
        self._state_file.save(state)
        self._saved = state, time.monotonic()

    def _record(self, line: Line) -> None:
        if self._recorder is None:
            return
        try:
            self._recorder.append(line)
        except RecordingError as error:
            _log.error("%s; recording stops, the breaker goes on", error)
            self._recorder.close()
            self._recorder = None
