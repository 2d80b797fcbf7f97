"""Acceptance: what the product promises, checked from outside, over REST and sockets only."""
