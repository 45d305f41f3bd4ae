"""The report page: what drifted, by how much, in which direction, since when, then and now."""

from functools import cache

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from drift_detectors.evidence import FeatureEvidence
from drift_detectors.report.figures import Bar, ShareRow, histogram, polyline, share_rows
from drift_detectors.report.sentences import describe_movement, describe_verdict, number
from drift_detectors.stream import ClosedWindow, Snapshot
from drift_detectors.verdict import flagged_in
from drift_detectors.views import rank, utc_text

_TIMELINE_WINDOWS = 120
_TABLE_WINDOWS = 15
_TREND_WIDTH = 220.0
_TREND_HEIGHT = 36.0


class Card(msgspec.Struct, frozen=True):
    """One feature on the page.

    Attributes:
        evidence: its evidence in the newest window.
        sentence: what happened to it.
        state: ``drifted``, ``flagged`` or ``steady``.
        flagged_in: in how many of the remembered windows it was flagged.
        since: when the episode began, for people; None when there is none.
        threshold: effect size above which it can be flagged.
        bars: histogram of a numeric feature.
        shares: shares of a categorical feature.
        trend: points of the effect over the newest windows.
        trend_top: effect at the top of the trend.
    """

    evidence: FeatureEvidence
    sentence: str
    state: str
    flagged_in: int
    since: str | None
    threshold: float
    bars: list[Bar]
    shares: list[ShareRow]
    trend: str
    trend_top: float


def render(snapshot: Snapshot) -> str:
    """Renders a stream as one self-contained HTML document."""
    newest = snapshot.newest
    own = [window for window in snapshot.history if window.decision.state.sequence >= snapshot.first_sequence]
    return _template().render(
        snapshot=snapshot,
        verdict=newest.decision.verdict if newest else None,
        headline=describe_verdict(snapshot),
        cards=_cards(snapshot, own),
        timeline=snapshot.history[-_TIMELINE_WINDOWS:],
        table=list(reversed(snapshot.history[-_TABLE_WINDOWS:])),
        newest_time=utc_text(newest.timestamp if newest else None),
        event_time=utc_text(snapshot.last_event),
        utc_text=utc_text,
        number=number,
        trend_width=_TREND_WIDTH,
        trend_height=_TREND_HEIGHT,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("drift_detectors.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _cards(snapshot: Snapshot, windows: list[ClosedWindow]) -> list[Card]:
    newest, rows = snapshot.newest, snapshot.newest_rows
    if newest is None or rows is None:
        return []
    columns = {feature.name: index for index, feature in enumerate(snapshot.profile.features)}
    times = {window.decision.state.sequence: window.timestamp for window in windows}
    cards = []
    for evidence in rank(newest.features, newest.decision.drifted, snapshot.policy):
        feature = evidence.feature
        since = snapshot.state.since.get(feature.name)
        thresholds = snapshot.policy.effect_thresholds
        threshold = thresholds.jensen_shannon if feature.is_categorical else thresholds.wasserstein
        effects = [
            other.effect
            for window in windows[-_TIMELINE_WINDOWS:]
            for other in window.features
            if other.feature.name == feature.name
        ]
        top = max(*effects, 2 * threshold, 1e-9)
        index = columns[feature.name]
        state = _state(evidence, newest)
        cards.append(
            Card(
                evidence=evidence,
                sentence=describe_movement(evidence, notable=state != "steady"),
                state=state,
                flagged_in=flagged_in(snapshot.state.recent, feature.name),
                since=None if since is None else f"window {since} ({utc_text(times.get(since))})",
                threshold=threshold,
                bars=[]
                if feature.is_categorical
                else histogram(snapshot.profile.rows[:, index], rows.values[:, index]),
                shares=share_rows(evidence.reference_shares or {}, evidence.current_shares or {}),
                trend=polyline(effects, top=top, width=_TREND_WIDTH, height=_TREND_HEIGHT),
                trend_top=top,
            )
        )
    return cards


def _state(evidence: FeatureEvidence, newest: ClosedWindow) -> str:
    if evidence.feature.name in newest.decision.drifted:
        return "drifted"
    return "flagged" if evidence.flagged else "steady"
