"""What evidence adds up to over time: a signal that is available, unreadable or lost; a backend that answers or not."""

from dataclasses import dataclass
from enum import Enum

from drift_operator.breaker.evidence import Evidence, ProbeResult, SignalReading, Window
from drift_operator.breaker.state import BackendMemory, SignalMemory, State
from drift_operator.resource.vocabulary import Streak, Verdict


class Availability(Enum):
    """How the signal stands."""

    AVAILABLE = "available"
    UNREADABLE = "unreadable"
    """Not readable now, but not for `staleAfter` yet."""
    LOST = "lost"
    """Not readable for `staleAfter`."""
    STARVING = "starving"
    """Readable, but requests have been served for `staleAfter` without one event: as good as lost."""


def watch_signal(memory: SignalMemory, evidence: Evidence, stale_after: float) -> tuple[SignalMemory, Availability]:
    """Tell an available signal from one that is unreadable, lost or starving.

    A stream without any request is idle: its windows do not move, and that is not a loss. Where no count of served
    requests or of events is available, only readability is judged.

    Args:
        memory: What is remembered of the signal.
        evidence: What is known now.
        stale_after: Seconds after which the signal is lost.

    Returns:
        The new memory and how the signal stands.
    """
    reading = evidence.signal
    if reading is None:
        lost = evidence.time - memory.last_read >= stale_after
        return memory, Availability.LOST if lost else Availability.UNREADABLE
    memory = _count_events(memory, reading.events, evidence.served_requests, evidence.time)
    starving = memory.starving_since is not None and evidence.time - memory.starving_since >= stale_after
    return memory, Availability.STARVING if starving else Availability.AVAILABLE


def _count_events(memory: SignalMemory, events: float | None, served: float | None, time: float) -> SignalMemory:
    served_at_event = memory.served_at_event
    starving_since = memory.starving_since
    if events is None or events != memory.events:
        # A smaller count is a detector that started anew; it speaks, so it is not starving.
        served_at_event, starving_since = served, None
    elif served is not None:
        if served_at_event is None or served < served_at_event:
            # The first count, or the data plane started anew: count from here.
            served_at_event = served
        elif served > served_at_event and starving_since is None:
            starving_since = time
    return SignalMemory(last_read=time, events=events, served_at_event=served_at_event, starving_since=starving_since)


def watch_backend(memory: BackendMemory, probe: ProbeResult | None, failure_threshold: int) -> BackendMemory:
    """Count a backend's probes in a row; a probe that was counted already changes nothing.

    Args:
        memory: What is remembered of the backend.
        probe: Its newest probe.
        failure_threshold: Failures in a row that make it dead, and answers in a row that bring it back.
    """
    if probe is None or probe.time == memory.probe_time:
        return memory
    failures = 0 if probe.answered else memory.failures + 1
    successes = memory.successes + 1 if probe.answered else 0
    dead = failures >= failure_threshold or (memory.dead and successes < failure_threshold)
    return BackendMemory(probe_time=probe.time, failures=failures, successes=successes, dead=dead)


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A reading, with windows of an earlier profile taken out of it."""

    window: Window | None
    verdict: Verdict | None
    streak: Streak
    digest: str | None
    old_window: Window | None
    """The window that the earlier profile judged, while no later one has closed."""


def under_new_profile(state: State, reading: SignalReading) -> ProfileView:
    """Set aside a verdict that was reached under an earlier reference profile.

    When the profile's digest changes, the detector starts its streaks anew, yet the newest window is still one that
    the old profile judged. Its verdict counts as none until another window closes. Streaks above zero show that
    one has closed already.
    """
    changed = (
        reading.profile_digest is not None
        and state.profile_digest is not None
        and reading.profile_digest != state.profile_digest
    )
    old_window = reading.window if changed else state.profile_window
    judged_anew = reading.window != old_window or reading.streak != Streak()
    digest = reading.profile_digest or state.profile_digest
    if old_window is None or judged_anew:
        return ProfileView(reading.window, reading.verdict, reading.streak, digest, None)
    return ProfileView(reading.window, None, reading.streak, digest, old_window)
