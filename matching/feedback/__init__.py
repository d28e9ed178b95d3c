"""What was learned from use: bounded shares of scores, exploration, exposure."""
