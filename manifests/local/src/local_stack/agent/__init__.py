"""A stand-in for KServe's agent: a reverse proxy that copies requests and answers to the payload sink.

It keeps the wire format and the manners of the real one: binary CloudEvents, one POST per event, five workers, no
retry, at most once, order not promised. Where the real one has an unbounded backlog, this one is bounded and counts
what it drops.
"""
