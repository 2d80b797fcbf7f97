"""Backup and restore: the whole database in one sealed file, and back.

`making` writes one while the server runs, `restoring` puts one into a database that nobody uses.
The file holds no key: without the key ring, which is kept apart, it is noise.
"""
