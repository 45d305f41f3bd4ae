"""The one-machine stack: the whole loop of driftbreaker without a cluster.

Envoy stands where the Gateway is, a stand-in where KServe's agent is; predictors, detector and breaker are the same
programs that run on Kubernetes.

* `agent`: the stand-in for KServe's agent, with its headers and its at-most-once delivery.
* `stack`: settings, processes, Envoy's configuration; start, watch, stop.
* `demo`: the replay of the months, retraining, accounting and the report.
"""
