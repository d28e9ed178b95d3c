"""What exists: entity and relation kinds, the stores that keep them and the projection that matching reads."""
