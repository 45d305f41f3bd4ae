"""Simulated motor-insurance data whose world drifts, and the replayer that sends such data as traffic.

`insurance_data.dataset` reads a data set, `insurance_data.writing` generates one, `insurance_data.replay` sends rows
to a model or to a drift detector.
"""

__version__ = "0.1.0"
