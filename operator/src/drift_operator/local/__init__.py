"""The operator on one machine: the same breaker, with Envoy's route file in place of an HTTPRoute."""
