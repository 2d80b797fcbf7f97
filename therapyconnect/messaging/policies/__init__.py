"""Rules as pure functions: facts in, yes or a reason out. A clinician can read them."""
