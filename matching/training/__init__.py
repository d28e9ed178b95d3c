"""Learning models from past outcomes, and what is told of them."""
