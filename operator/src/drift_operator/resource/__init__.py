"""The DriftBreaker resource, `driftbreaker.dev/v1alpha1`: what a user writes and what the operator reports."""
