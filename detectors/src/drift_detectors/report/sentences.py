"""Sentences for people: what a verdict and a movement mean, with figures in the feature's own unit."""

from drift_detectors.evidence import FeatureEvidence
from drift_detectors.stream import Snapshot
from drift_detectors.verdict import UndecidedReason, Verdict

_UNDECIDED = {
    UndecidedReason.TOO_FEW_ROWS: "it held too few rows",
    UndecidedReason.PROFILE_MISMATCH: "answers in it came from a predictor with another reference profile than the "
    "detector's, so rows and reference may not belong together",
    UndecidedReason.INVALID_STATISTIC: "a statistic could not be computed",
    UndecidedReason.CHECK_FAILED: "its check failed; the detector's log has the reason",
}


def describe_verdict(snapshot: Snapshot) -> str:
    """The newest verdict in one or two sentences."""
    newest = snapshot.newest
    if newest is None:
        return (
            f"No window has closed under this profile yet: {snapshot.filling} of {snapshot.policy.window_size} rows "
            "have arrived for the first."
        )
    decision = newest.decision
    if decision.verdict is Verdict.DRIFT:
        since = min(decision.state.since[name] for name in decision.drifted)
        return (
            f"The inputs have moved away from the training data: {_names(decision.drifted)} drifted, first flagged in "
            f"window {since}. {_windows(decision.state.streak.drift)} in a row confirmed it."
        )
    if decision.verdict is Verdict.SUSPECT:
        flagged = frozenset(evidence.feature.name for evidence in newest.features if evidence.flagged)
        return (
            f"Something moved: {_names(flagged)} differs from the training data in this window. That is not yet drift: "
            f"it takes {snapshot.policy.drift_when_flagged_in} of {snapshot.policy.of_last_windows} windows."
        )
    if decision.verdict is Verdict.CLEAR:
        return (
            "The inputs look like the training data. "
            f"{_windows(decision.state.streak.clear)} in a row without any flag."
        )
    reason = _UNDECIDED[decision.reason] if decision.reason else "of an unknown reason"
    return f"The newest window says nothing: {reason}. Earlier evidence stands as it was."


def describe_movement(evidence: FeatureEvidence, *, notable: bool) -> str:
    """What happened to one feature, in its own unit.

    Args:
        evidence: the feature's evidence.
        notable: whether the feature drifted or was flagged; movements that chance explains are not described.
    """
    if evidence.reference_shares is not None and evidence.current_shares is not None:
        if not notable:
            return "Not flagged: no change of the shares that is both significant and large enough."
        return _describe_shares(evidence.direction, evidence.reference_shares, evidence.current_shares)
    before, now = evidence.reference_mean or 0.0, evidence.current_mean or 0.0
    unit = f" {evidence.feature.unit}" if evidence.feature.unit else ""
    means = f"mean {number(now)}{unit} now, {number(before)}{unit} in the reference"
    if notable and evidence.direction in {"higher", "lower"}:
        sign = "+" if now >= before else "-"
        return f"{evidence.direction.capitalize()}: {means} ({sign}{number(abs(now - before))}{unit})."
    changes = {"wider": "More spread out", "narrower": "Closer together"}
    change = changes.get(evidence.direction, "Unchanged") if notable else "Not flagged"
    return f"{change}: {means}."


def number(value: float) -> str:
    """A number for people: three significant digits, thousands separated, never an exponent."""
    magnitude = abs(value)
    if magnitude >= 100:  # noqa: PLR2004 (three digits before the point are enough)
        return f"{value:,.0f}"
    if magnitude >= 10:  # noqa: PLR2004
        return f"{value:.1f}"
    return f"{value:.2f}" if magnitude >= 1 else f"{value:.3f}"


def _describe_shares(direction: str, before: dict[str, float], now: dict[str, float]) -> str:
    category = direction.removeprefix("more ")
    if category not in now:
        return "Unchanged shares."
    text = f"More “{category}”: {now[category]:.0%} of rows now, {before.get(category, 0.0):.0%} in the reference."
    unseen = [name for name, share in now.items() if share > 0 and before.get(name, 0.0) == 0]
    if unseen:
        text += f" Never in the reference: {', '.join(unseen[:5])}."
    return text


def _names(names: frozenset[str]) -> str:
    ordered = sorted(names)
    return ordered[0] if len(ordered) == 1 else f"{', '.join(ordered[:-1])} and {ordered[-1]}"


def _windows(count: int) -> str:
    return "One window" if count == 1 else f"{count} windows"
