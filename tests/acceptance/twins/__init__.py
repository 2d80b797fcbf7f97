"""Defective twins: the real product with one rule broken, to show that the checker sees it."""
