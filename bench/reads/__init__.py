"""What reading costs as a clinic's history grows by ten and by a hundred.

`python -m bench.reads` fills databases of 50,000, 500,000 and 5,000,000 messages, sealed with the
product's own vault, reads each through REST, the socket and the selectors alone, and beside them
through Django's ORM with a serializer on the same rows. It writes `bench/results/reads.json` and a
plot, `reads.svg`. Figures drift with the machine; how they grow does not.
"""
