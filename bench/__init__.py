"""The benchmark: the whole product beside plain PostgreSQL and what others build, in one run.

`python -m bench` (or `make bench`) starts everything it needs in a folder that is thrown away,
measures in rounds that alternate between the contenders, and prints one table. Absolute figures
drift with the machine; the ratios within one run are what counts. `docs/guide/benchmark.md` says
how to read it.
"""
