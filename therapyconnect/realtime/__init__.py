"""Sockets: the door, the consumers, the hub and its streams.

A push is a hint. The stream of a chat is its events in order, once, for all sockets of this
process; what it did not hear of it reads from the database. Runs on the server's loop alone.
"""
