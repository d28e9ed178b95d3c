"""The way in: sources → normalise → resolve duplicates → load, with rejects and a report."""
