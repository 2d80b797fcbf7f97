"""The REST edge's plumbing, shared by every room's views. No rule of the domain lives here."""
