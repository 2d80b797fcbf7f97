"""The same work done otherwise, to compare with."""
