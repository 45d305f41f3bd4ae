"""What the API and the replay show: JSON shapes made from a stream's snapshot. Renaming a field breaks others."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from drift_detectors.evidence import FeatureEvidence
from drift_detectors.ledger import RowCounts
from drift_detectors.policy import Policy
from drift_detectors.stream import ClosedWindow, Snapshot
from drift_detectors.verdict import Streak, UndecidedReason, Verdict, VerdictState, flagged_in


class StreamSummary(msgspec.Struct, frozen=True):
    """One line of the list of streams."""

    stream: str
    namespace: str
    profile_digest: str
    sequence: int
    verdict: Verdict | None


class ProfileView(msgspec.Struct, frozen=True):
    """The profile in force."""

    digest: str
    rows: int
    name: str


class FillingView(msgspec.Struct, frozen=True):
    """The window that is filling."""

    rows: int
    size: int


class FeatureView(msgspec.Struct, frozen=True):
    """One feature of the newest window."""

    name: str
    kind: str
    test: str
    statistic: float
    p_value: float
    adjusted_p_value: float
    effect: float
    effect_name: str
    flagged: bool
    drifted: bool
    flagged_in: int
    direction: str
    reference_mean: float | None
    current_mean: float | None
    reference_shares: dict[str, float] | None
    current_shares: dict[str, float] | None
    unit: str | None
    importance: float | None
    since_sequence: int | None


class WindowFeatureView(msgspec.Struct, frozen=True):
    """One feature of a closed window in the history."""

    name: str
    p_value: float
    adjusted_p_value: float
    effect: float
    flagged: bool
    drifted: bool
    direction: str


class WindowView(msgspec.Struct, frozen=True):
    """A closed window in the history."""

    sequence: int
    verdict: Verdict
    reason: UndecidedReason | None
    streak: Streak
    profile_digest: str
    rows: int
    timestamp: float | None
    features: list[WindowFeatureView]


class StreamView(msgspec.Struct, frozen=True):
    """All about one stream."""

    stream: str
    namespace: str
    inference_services: tuple[str, ...]
    profile: ProfileView
    policy: Policy
    sequence: int
    first_sequence_of_profile: int
    verdict: Verdict | None
    reason: UndecidedReason | None
    streak: Streak
    window: FillingView
    fallback_rows_ratio: float | None
    events: dict[str, dict[str, int]]
    rejected: dict[str, dict[str, int]]
    rows: RowCounts
    windows: dict[Verdict, int]
    features: list[FeatureView]
    last_window_timestamp: float | None
    last_event_timestamp: float | None


def rank(features: Sequence[FeatureEvidence], drifted: frozenset[str], policy: Policy) -> list[FeatureEvidence]:
    """Orders features, most drifting first: drifted, then flagged, then by effect over its threshold."""

    def strength(evidence: FeatureEvidence) -> tuple[bool, bool, float]:
        thresholds = policy.effect_thresholds
        threshold = thresholds.jensen_shannon if evidence.feature.is_categorical else thresholds.wasserstein
        return evidence.feature.name in drifted, evidence.flagged, evidence.effect / max(threshold, 1e-12)

    return sorted(features, key=strength, reverse=True)


def summarize(snapshot: Snapshot) -> StreamSummary:
    """The line of a stream in the list of streams."""
    return StreamSummary(
        stream=snapshot.name.stream,
        namespace=snapshot.name.namespace,
        profile_digest=snapshot.profile.digest,
        sequence=snapshot.state.sequence,
        verdict=snapshot.newest.decision.verdict if snapshot.newest else None,
    )


def view_stream(snapshot: Snapshot) -> StreamView:
    """The newest verdict of a stream with every feature's evidence, and its counters."""
    newest = snapshot.newest
    drifted = newest.decision.drifted if newest else frozenset()
    ranked = rank(newest.features, drifted, snapshot.policy) if newest else []
    return StreamView(
        stream=snapshot.name.stream,
        namespace=snapshot.name.namespace,
        inference_services=snapshot.name.inference_services,
        profile=ProfileView(snapshot.profile.digest, int(snapshot.profile.rows.shape[0]), snapshot.profile.name),
        policy=snapshot.policy,
        sequence=snapshot.state.sequence,
        first_sequence_of_profile=snapshot.first_sequence,
        verdict=newest.decision.verdict if newest else None,
        reason=newest.decision.reason if newest else None,
        streak=snapshot.state.streak,
        window=FillingView(snapshot.filling, snapshot.policy.window_size),
        fallback_rows_ratio=snapshot.fallback_rows_ratio,
        events=count_events(snapshot.events),
        rejected=count_reasons(snapshot.reasons),
        rows=snapshot.rows,
        windows=snapshot.windows,
        features=[_view_feature(feature, snapshot.state, drifted) for feature in ranked],
        last_window_timestamp=newest.timestamp if newest else None,
        last_event_timestamp=snapshot.last_event,
    )


def view_window(window: ClosedWindow, policy: Policy) -> WindowView:
    """A closed window for the history and the replay."""
    decision = window.decision
    return WindowView(
        sequence=decision.state.sequence,
        verdict=decision.verdict,
        reason=decision.reason,
        streak=decision.state.streak,
        profile_digest=window.profile_digest,
        rows=window.rows,
        timestamp=window.timestamp,
        features=[
            WindowFeatureView(
                name=evidence.feature.name,
                p_value=evidence.p_value,
                adjusted_p_value=evidence.adjusted_p_value,
                effect=evidence.effect,
                flagged=evidence.flagged,
                drifted=evidence.feature.name in decision.drifted,
                direction=evidence.direction,
            )
            for evidence in rank(window.features, decision.drifted, policy)
        ],
    )


def count_events(events: dict[Any, dict[Any, int]]) -> dict[str, dict[str, int]]:
    """Event counts by type and outcome, with plain text as keys."""
    return {str(kind): {str(outcome): count for outcome, count in counts.items()} for kind, counts in events.items()}


def count_reasons(reasons: dict[Any, int]) -> dict[str, dict[str, int]]:
    """Rejected events by type and reason, with plain text as keys; only reasons that occurred."""
    counts: dict[str, dict[str, int]] = {}
    for (kind, reason), count in reasons.items():
        counts.setdefault(str(kind), {})[str(reason)] = count
    return counts


def utc_text(timestamp: float | None) -> str:
    """A Unix time for people, in UTC to the second; a hyphen when unknown."""
    if timestamp is None:
        return "-"
    return datetime.fromtimestamp(timestamp, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _view_feature(evidence: FeatureEvidence, state: VerdictState, drifted: frozenset[str]) -> FeatureView:
    feature = evidence.feature
    return FeatureView(
        name=feature.name,
        kind=feature.kind,
        test=evidence.test,
        statistic=evidence.statistic,
        p_value=evidence.p_value,
        adjusted_p_value=evidence.adjusted_p_value,
        effect=evidence.effect,
        effect_name=evidence.effect_name,
        flagged=evidence.flagged,
        drifted=feature.name in drifted,
        flagged_in=flagged_in(state.recent, feature.name),
        direction=evidence.direction,
        reference_mean=evidence.reference_mean,
        current_mean=evidence.current_mean,
        reference_shares=evidence.reference_shares,
        current_shares=evidence.current_shares,
        unit=feature.unit,
        importance=feature.importance,
        since_sequence=state.since.get(feature.name),
    )
