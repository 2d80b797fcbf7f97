"""Notifications of the system: kept, sealed, pushed, marked read. Never what was said in a chat.

Layers, highest first: urls, views, serializers, services, selectors, seals, policies, shapes,
models, ids.
"""
