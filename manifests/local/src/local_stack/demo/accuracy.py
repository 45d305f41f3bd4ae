"""Accuracy by month of what was served and of what would have been. Pure functions over tables."""

from collections.abc import Mapping, Sequence

import pandas as pd

from local_stack.demo.workshop import FIRST_BUNDLE


def bundle_in_use(months: Sequence[int], retrainings: Mapping[int, str]) -> dict[int, str]:
    """The bundle in use in each month.

    Args:
        months: the months, ascending.
        retrainings: bundle by the month at whose end it was put into use.
    """
    in_use: dict[int, str] = {}
    bundle = FIRST_BUNDLE
    for month in months:
        in_use[month] = bundle
        bundle = retrainings.get(month, bundle)
    return in_use


def accuracy_by_month(
    scores: pd.DataFrame, labels: pd.Series, served: pd.Series, retrainings: Mapping[int, str]
) -> dict[str, dict[int, float]]:
    """The share of right answers by month, for each way of answering.

    Args:
        scores: one line a row, in the order of the replay: column `month`, one column of class names for each bundle,
            and `rules`.
        labels: the true class names, in the same order.
        served: the class names that clients got, in the same order; missing where a request failed.
        retrainings: bundle by the month at whose end it was put into use.

    Returns:
        `breaker` (what clients got), `model` (the first model alone, never retrained), `rules` (the rules alone) and
        `retrained` (the newest model alone, without a breaker), each from month to accuracy in 0..1.
    """
    months = sorted(int(month) for month in scores["month"].unique())
    in_use = bundle_in_use(months, retrainings)
    newest = pd.concat([scores.loc[scores["month"] == month, in_use[month]] for month in months]).sort_index()
    answers = {
        "breaker": served,
        "model": scores[FIRST_BUNDLE],
        "rules": scores["rules"],
        "retrained": newest,
    }
    return {
        name: {
            int(month): round(float(share), 6)
            for month, share in (column == labels).groupby(scores["month"]).mean().items()
        }
        for name, column in answers.items()
    }


def mean_accuracy(by_month: Mapping[int, float]) -> float:
    """The mean over months."""
    return round(sum(by_month.values()) / len(by_month), 6)


def reading(accuracy: Mapping[str, Mapping[int, float]], on_rules: Mapping[int, float]) -> list[str]:
    """What the figures say, in plain sentences, whether they flatter the breaker or not.

    Args:
        accuracy: as `accuracy_by_month` gives it.
        on_rules: the share of rows that the fallback's InferenceService answered, by month.
    """
    breaker, model = accuracy["breaker"], accuracy["model"]
    fallen_back = [month for month, share in on_rules.items() if share >= 0.5]  # noqa: PLR2004 - the larger part
    better = mean_accuracy(breaker) - mean_accuracy(model)
    over_newest = mean_accuracy(breaker) - mean_accuracy(accuracy["retrained"])
    sentences = [
        (
            f"With the breaker, clients got {mean_accuracy(breaker):.1%} right answers on average; the first model "
            f"alone would have given {mean_accuracy(model):.1%}, the rules alone "
            f"{mean_accuracy(accuracy['rules']):.1%}: the breaker {'gained' if better >= 0 else 'cost'} "
            f"{abs(better) * 100:.1f} points."
        ),
        (
            f"The newest model without a breaker would have given {mean_accuracy(accuracy['retrained']):.1%}: "
            f"against it the breaker {'gained' if over_newest >= 0 else 'cost'} {abs(over_newest) * 100:.1f} points."
        ),
    ]
    cost = {month: model[month] - breaker[month] for month in fallen_back if model[month] > breaker[month]}
    gain = {month: breaker[month] - model[month] for month in fallen_back if month not in cost}
    if cost:
        worst = max(cost, key=lambda month: cost[month])
        sentences.append(
            f"Falling back cost accuracy in {len(cost)} of {len(fallen_back)} months on the rules (months "
            f"{_listed(cost)}): {sum(cost.values()) / len(cost) * 100:.1f} points on average, at most "
            f"{cost[worst] * 100:.1f} in month {worst}. Input drift is a warning, not a measure of accuracy: the model "
            "was still the better of the two then."
        )
    if gain:
        sentences.append(
            f"It paid in {len(gain)} months on the rules (months {_listed(gain)}): "
            f"{sum(gain.values()) / len(gain) * 100:.1f} points on average over the first model."
        )
    if not fallen_back:
        sentences.append("Traffic never stood mainly on the rules.")
    return sentences


def _listed(months: Mapping[int, float]) -> str:
    """Month numbers with runs folded: 8-11, 15."""
    runs: list[list[int]] = []
    for month in sorted(months):
        if runs and runs[-1][1] == month - 1:
            runs[-1][1] = month
        else:
            runs.append([month, month])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
