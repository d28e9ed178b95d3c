"""The HTTP routes, one module per noun; each has `add(app)`."""
