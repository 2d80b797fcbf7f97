# Every target goes through scripts/bootstrap.py, which becomes the program: signals reach it.

# The first that really runs; bootstrap.py looks further for one that is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -S -c '' 2>/dev/null && echo "$$p" && break; done)
ARGS ?=
MAKEFLAGS += --no-print-directory
BOOTSTRAP = $(or $(PYTHON),python3) scripts/bootstrap.py

# What `chaos` runs at full size: the promises under fire.
CHAOS = tests/acceptance tests/faults tests/crowd tests/cluster tests/backup

.PHONY: help run web wheel test chaos check bench lock clean
.DEFAULT_GOAL := help

help:
	@echo 'make run     install what is missing, start the database, serve on http://127.0.0.1:8000'
	@echo 'make web     build the web client into clients/web/dist (make run does it by itself)'
	@echo 'make wheel   build the web client, then a Python wheel that holds it, into dist/'
	@echo 'make test    the whole test suite (make test ARGS="-k name")'
	@echo 'make chaos   the promises under every fault, at full size (TC_SEED=1 repeats a run)'
	@echo 'make check   format, lint, types, import contracts, migrations and API documents in step'
	@echo 'make bench   the benchmark, side by side with its baselines'
	@echo 'make lock    write the lock files anew from the .in files (ARGS=--upgrade for newer ones)'
	@echo 'make clean   remove .venv and caches; never your data in var/'

run web wheel test check bench lock:
	@$(BOOTSTRAP) $@ $(ARGS)

chaos:
	@TC_CHAOS=$${TC_CHAOS:-1} $(BOOTSTRAP) test -n0 $(CHAOS) $(ARGS)

clean:
	@rm -rf .venv dist bench/.venv clients/web/dist clients/web/.state clients/web/node_modules bench/peers/node/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './clients/*/node_modules/*' -prune -exec rm -rf {} +
