"""Drift detector for the payload events of KServe, built on alibi-detect.

The package knows no model: feature names, kinds, units, categories and classes come from the reference
profile. Deciding is pure (:mod:`drift_detectors.verdict`); everything that touches sockets, files or threads
is under :mod:`drift_detectors.service`.
"""
