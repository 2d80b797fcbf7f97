"""The ciphers of the chats that a reader is about to open."""

from therapyconnect.vault.ciphers import cipher_store, load_ciphers

__all__ = ["cipher_store", "load_ciphers"]
