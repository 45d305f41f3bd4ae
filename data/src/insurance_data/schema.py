"""The columns of a data set, in the order of the files."""

FEATURES = ("training", "age", "emergency_braking", "braking_distance", "power", "miles")
"""The model's inputs, in the order of the matrix form."""

INTEGER_FEATURES = frozenset({"training", "emergency_braking"})
"""Features that hold 0 or 1; all others are continuous."""

RISK = "risk"
"""The noisy risk that the label is cut from; never an input."""

GROUP_NAME = "group_name"
GROUP = "group"
COLUMNS = (*FEATURES, RISK, GROUP_NAME, GROUP)

CLASSES = ("high", "medium", "low")
"""Class names; the position is the number in the column `group`."""

SEPARATOR = ";"
