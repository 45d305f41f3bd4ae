"""The verdict: pure functions from the evidence of a window to a verdict, streaks and the next state.

No clock and no I/O. The service and the replay call the same functions, so a recorded day gives the same verdicts.
"""

from enum import StrEnum

import msgspec

from drift_detectors.policy import Policy


class Verdict(StrEnum):
    """What one window says.

    ``drift``: some feature has both legs of evidence in the policy's k of the last n decided windows.
    ``suspect``: something is flagged in this window, short of that. ``clear``: nothing is flagged.
    ``undecided``: too little or too broken data to say.
    """

    DRIFT = "drift"
    SUSPECT = "suspect"
    CLEAR = "clear"
    UNDECIDED = "undecided"


class UndecidedReason(StrEnum):
    """Why a window is undecided."""

    TOO_FEW_ROWS = "too_few_rows"
    PROFILE_MISMATCH = "profile_mismatch"
    INVALID_STATISTIC = "invalid_statistic"
    CHECK_FAILED = "check_failed"


class Streak(msgspec.Struct, frozen=True):
    """How many windows in a row, up to the newest, were drift (or clear); at most one is above 0."""

    drift: int = 0
    clear: int = 0


class WindowEvidence(msgspec.Struct, frozen=True):
    """What a verdict is made from.

    Attributes:
        flagged: features with both legs of evidence in this window.
        undecided: why the window cannot say anything; None when it can.
    """

    flagged: frozenset[str] = frozenset()
    undecided: UndecidedReason | None = None


class VerdictState(msgspec.Struct, frozen=True):
    """What is remembered between windows.

    Attributes:
        sequence: closed windows so far; never goes back.
        recent: the flagged features of the newest decided windows, newest last, at most the policy's n. Undecided
            windows are not among them: they saw nothing, so they count neither for nor against a feature.
        since: for each feature flagged in ``recent``, the sequence at which this episode began.
        streak: the drift and clear streaks.
    """

    sequence: int = 0
    recent: tuple[frozenset[str], ...] = ()
    since: dict[str, int] = {}
    streak: Streak = Streak()


class Decision(msgspec.Struct, frozen=True):
    """A window's verdict and the state after it.

    Attributes:
        state: state for the next window.
        verdict: the verdict.
        reason: why it is undecided; None for the other verdicts.
        drifted: features flagged in k of the last n decided windows.
    """

    state: VerdictState
    verdict: Verdict
    reason: UndecidedReason | None
    drifted: frozenset[str]


def judge(state: VerdictState, evidence: WindowEvidence, policy: Policy) -> Decision:
    """Gives the verdict of the next window.

    Example:
        >>> policy = Policy(drift_when_flagged_in=2, of_last_windows=3)
        >>> state = VerdictState()
        >>> for flagged in ({"age"}, set(), {"age"}):
        ...     decision = judge(state, WindowEvidence(frozenset(flagged)), policy)
        ...     state = decision.state
        ...     print(decision.verdict.value, state.streak.drift)
        suspect 0
        clear 0
        drift 1
    """
    sequence = state.sequence + 1
    if evidence.undecided is not None:
        unmoved = msgspec.structs.replace(state, sequence=sequence)
        return Decision(unmoved, Verdict.UNDECIDED, evidence.undecided, _drifted(state.recent, policy))
    recent = (*state.recent, evidence.flagged)[-policy.of_last_windows :]
    since = {name: state.since.get(name, sequence) for name in sorted(frozenset().union(*recent))}
    drifted = _drifted(recent, policy)
    if drifted:
        verdict, streak = Verdict.DRIFT, Streak(drift=state.streak.drift + 1)
    elif evidence.flagged:
        verdict, streak = Verdict.SUSPECT, Streak()
    else:
        verdict, streak = Verdict.CLEAR, Streak(clear=state.streak.clear + 1)
    return Decision(VerdictState(sequence, recent, since, streak), verdict, None, drifted)


def flagged_in(recent: tuple[frozenset[str], ...], name: str) -> int:
    """In how many of the remembered windows a feature was flagged."""
    return sum(name in flagged for flagged in recent)


def restart(state: VerdictState) -> VerdictState:
    """The state under a new profile: nothing is remembered, but the sequence goes on."""
    return VerdictState(sequence=state.sequence)


def _drifted(recent: tuple[frozenset[str], ...], policy: Policy) -> frozenset[str]:
    candidates = frozenset().union(*recent)
    return frozenset(name for name in candidates if flagged_in(recent, name) >= policy.drift_when_flagged_in)
