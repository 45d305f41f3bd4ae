"""The predictors on KServe's model server: transport, decoding, predictors and errors apart from one another."""
