"""The policy: every number that a verdict depends on, as data."""

from pathlib import Path
from typing import Literal

import msgspec


class PolicyError(ValueError):
    """A policy file that cannot be used; the message names the file and the key."""


class EffectThresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Effect sizes that a feature must exceed to be flagged.

    Attributes:
        wasserstein: for numeric features, Wasserstein distance over the reference's standard deviation.
        jensen_shannon: for categorical features, Jensen-Shannon distance with the natural logarithm (0 to 0.83).
    """

    wasserstein: float = 0.1
    jensen_shannon: float = 0.1


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How windows become verdicts.

    Attributes:
        window_size: rows of a full window.
        window_max_age_seconds: a window that has been filling for longer is closed by the next event even when it
            is not full; None waits for as long as it takes. Age counts from the arrival of the window's first row.
        minimum_rows: windows with fewer rows are undecided.
        alpha: significance level of one window, all features together.
        correction: correction of the p-values for the number of features.
        effect_thresholds: effect sizes that matter.
        drift_when_flagged_in: a feature flagged in so many ...
        of_last_windows: ... of so many newest decided windows has drifted.
    """

    window_size: int = 500
    window_max_age_seconds: float | None = None
    minimum_rows: int = 250
    alpha: float = 0.05
    correction: Literal["holm", "bonferroni", "benjamini-hochberg", "none"] = "holm"
    effect_thresholds: EffectThresholds = EffectThresholds()
    drift_when_flagged_in: int = 3
    of_last_windows: int = 4

    def __post_init__(self) -> None:
        """Checks what the types cannot say.

        Raises:
            ValueError: naming the key that is out of its bounds.
        """
        checks = (
            (self.window_size >= 1, "window_size must be at least 1"),
            (1 <= self.minimum_rows <= self.window_size, "minimum_rows must be from 1 to window_size"),
            (
                self.window_max_age_seconds is None or self.window_max_age_seconds > 0,
                "window_max_age_seconds must be above 0, or null",
            ),
            (0 < self.alpha < 1, "alpha must be between 0 and 1"),
            (self.effect_thresholds.wasserstein >= 0, "effect_thresholds.wasserstein must not be negative"),
            (
                self.effect_thresholds.jensen_shannon >= 0,
                "effect_thresholds.jensen_shannon must not be negative",
            ),
            (
                1 <= self.drift_when_flagged_in <= self.of_last_windows,
                "drift_when_flagged_in must be from 1 to of_last_windows",
            ),
        )
        for holds, message in checks:
            if not holds:
                raise ValueError(message)


def load_policy(path: Path) -> Policy:
    """Reads a policy from a YAML (or JSON) file; keys left out keep their defaults.

    Raises:
        PolicyError: when the file cannot be read, is no mapping, has an unknown key or a value out of bounds.
    """
    try:
        policy: Policy = msgspec.yaml.decode(path.read_bytes(), type=Policy)
    except OSError as error:
        raise PolicyError(f"policy {path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"policy {path}: {error}") from error
    return policy
