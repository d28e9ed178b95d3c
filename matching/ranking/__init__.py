"""Scoring pairs: features and the additive models that weigh them."""
