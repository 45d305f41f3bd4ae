"""The worked example of driftbreaker: an insurance-risk model and its rule-based fallback on KServe."""
