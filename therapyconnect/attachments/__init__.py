"""Attachments that can be trusted: names, inspection, scanning, storage, download."""
