"""The generated sample world: a data folder at the original system's scale in which nobody and nothing is real."""
