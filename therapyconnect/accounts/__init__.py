"""Who a person is: users, care relationships, sessions, tokens.

A request is believed for its token alone: signed by a key of the ring, naming a session that is
alive in the database, of a user who is active. Nothing in the database logs in: session keys are
kept as keyed digests, session data and second factors sealed.
Imports `core` and `vault` only.
"""
