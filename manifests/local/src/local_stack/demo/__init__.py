"""The demo: months of traffic through the stack, retraining, the books, the report."""
