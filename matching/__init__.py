"""Who fits whom: retrieve → score → constrain → mask (read pipeline.py first)."""
