"""Two-sample tests, effect sizes and corrections: one subject each, with a common shape of result.

The tests are alibi-detect's univariate drift detectors; alibi-detect has no Wasserstein or Jensen-Shannon distance, so
the effect sizes are scipy's.
"""
