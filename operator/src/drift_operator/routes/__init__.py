"""Routes: putting weights in force in the data plane, and seeing that they are."""
