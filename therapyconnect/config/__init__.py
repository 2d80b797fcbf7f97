"""Settings, the ASGI door, URLs, and the wiring: what is chosen once is chosen here."""
