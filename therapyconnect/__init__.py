"""TherapyConnect: secure one-to-one messaging between therapists and patients."""

__version__ = "0.1.0"
