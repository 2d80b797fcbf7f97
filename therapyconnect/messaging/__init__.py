"""Chats, messages, receipts: what two people say to each other, numbered and sealed.

Layers, highest first: urls, views, serializers, services, selectors, policies, shapes, models.
"""
