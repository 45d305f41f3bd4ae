"""Decoding of payload events: the CloudEvents envelope and the Open Inference Protocol (V2) bodies in it."""
