"""One module per format; each yields raw rows that know where they stand."""
