"""The circuit breaker of driftbreaker: from a drift verdict to the weights of live traffic.

The package keeps what decides apart from what touches the world:

* `resource`: the DriftBreaker resource (`driftbreaker.dev/v1alpha1`) as typed models, and its YAML file.
* `breaker`: the breaker itself, a pure function of state, evidence and spec.
* `signals`, `probes`, `routes`: the edges that gather evidence and put weights in force.
* `local`: the one-machine operator, which moves Envoy's weights by a route file.
* `replay`: recorded evidence through the same breaker again.

The operator for Kubernetes is a second edge beside `local`: its Kopf handlers belong in a package `kubernetes`
that calls the same `breaker` and keeps its state in the resource's status.
"""
