"""The web client as the server gives it away: found, held in memory, answered from the loop.

It knows nothing of chats or of Django: files in, ASGI out.
"""
