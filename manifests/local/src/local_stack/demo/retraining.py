"""When to retrain, and on what. Pure decision; the doing is `workshop`'s."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetrainingPolicy:
    """How labels arrive and how many months a retraining uses.

    Attributes:
        label_delay: months between a month's end and the arrival of its labels.
        months: how many of the newest labelled months are used.
    """

    label_delay: int
    months: int

    def training_months(self, finished: int, drifted: int) -> tuple[int, ...]:
        """The months to retrain on at the end of month `finished`, or none yet.

        A retraining waits until the labels of the month of the drift have come: the world that the model does not
        know must be in the training data.

        Args:
            finished: the month that has just ended.
            drifted: the month in which the profile in use stopped describing the world.

        Returns:
            Month numbers, ascending; empty where it is too early.
        """
        newest = finished - self.label_delay
        if newest < drifted:
            return ()
        return tuple(range(max(1, newest - self.months + 1), newest + 1))
