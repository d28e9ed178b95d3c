"""Finding candidates: text analysis, indexes and the evidence that retrievers and features read."""
