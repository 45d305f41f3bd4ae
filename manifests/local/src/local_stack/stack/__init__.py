"""The processes of the stack: what they are, how they start, how they stop."""
