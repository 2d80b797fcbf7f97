"""What every room stands on: ids, errors, the clock, the hub's interface, REST plumbing.

Imports no other room.
"""
