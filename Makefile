# Everything a newcomer needs, one command each. Targets set up what they need themselves; `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
UV := .venv/bin/uv
STANDARD := $(PY) -m hummingbot.connector.exchange.standard
PORT ?= 8745
DEMO_SECONDS ?= 60
MINUTES ?= 10
STEPS ?= 5000
# Tests mostly wait, for blocks and deadlines, so two processes take half the time of one.
WORKERS ?= 2
INPUTS ?= 100000
JOBS ?= 2
SEEDS ?= 200
FIRST ?= 0

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

env:  ## Create or refresh .venv from requirements.lock (the first build of Hummingbot takes about 3 minutes)
	@tools/environment

demo: env  ## Stock Hummingbot makes a market on a local sandbox for DEMO_SECONDS (60), then every unit is checked
	@DEMO_SECONDS="$(DEMO_SECONDS)" $(PY) -m demo

run-strategies: env  ## Three strategies trade on a local sandbox one after the other, MINUTES (10) each; nothing may be wrong
	@MINUTES="$(MINUTES)" RATE="$(RATE)" $(PY) -m demo.strategies $(ARGS)

test: env  ## Run the tests in WORKERS (2) processes (COVERAGE=yes: measured, half as long again; ARGS="-k name": some)
ifneq ($(strip $(ARGS)),)
	@$(PY) -m pytest -q $(ARGS)
else ifeq ($(strip $(COVERAGE)),)
	@$(PY) -m pytest -q -n "$(WORKERS)" --dist loadgroup
else
	@$(PY) -m pytest -q -n "$(WORKERS)" --dist loadgroup --cov --cov-report=
	@$(PY) -m coverage report --omit='*/sandbox/*' --precision=2 --fail-under=99.97
	@$(PY) -m coverage report --include='*/sandbox/*' --fail-under=95
endif

test-slow: env  ## Run the long proofs that `make test` leaves out
	@$(PY) -m pytest -q -m slow $(ARGS)

test-page: env  ## Run the sandbox's page in a headless browser; skipped, with the reason, where there is none
	@tools/with-browser $(PY) -m pytest -q -m browser test/page $(ARGS)

screenshot: env  ## Take the picture of the sandbox's page for the README
	@tools/with-browser $(PY) -m test.page docs/images/sandbox.png

lint: env  ## Check style (ruff) and types (mypy, strict on the package)
	@$(PY) -m ruff check .
	@$(PY) -m mypy

sandbox: env  ## Serve the sandbox exchange on PORT (8745) until Ctrl-C
	@$(STANDARD) sandbox --port "$(PORT)" $(ARGS)

crash-test: env  ## Kill the connector 200 times while it trades (ARGS="kills seed"); nothing may be lost, doubled or left
	@$(PY) -m test.crash $(ARGS)

chaos: env  ## Break streams, node and API at random for MINUTES (10); book, public trades and own fills must be the chain's
	@CHAOS_MINUTES="$(MINUTES)" CHAOS_SEED="$(or $(SEED),$(CHAOS_SEED))" $(PY) -m pytest -q -s -m slow -k minutes_of_random_faults \
		test/hummingbot/connector/exchange/standard/test_feed_chaos.py $(ARGS)

model: env  ## Do STEPS (5000) random things to a connector, its exchange and its node; it must believe what is true
	@MODEL_STEPS="$(STEPS)" $(PY) -m pytest -q -s -m slow test/hummingbot/connector/exchange/standard/test_model.py $(ARGS)

crash-test-bot: env  ## Kill a whole bot 5 times while it quotes and start it again (ARGS="kills seed"); all records must agree
	@$(PY) -m test.crash.whole_bot $(ARGS)

soak: env  ## Stock Hummingbot quotes on three pairs for HOURS (1) among random faults; memory, tasks, files and books are judged
	@HOURS="$(or $(HOURS),1)" RATE="$(RATE)" SEED="$(SEED)" $(PY) -m soak

fuzz: env  ## Feed the decoders with damaged answers: INPUTS (100000) each, TARGET=name for one, SEED, JOBS, AT=one input
	@$(PY) -m fuzz $(TARGET) --inputs $(INPUTS) --seed $(or $(SEED),1) --jobs $(JOBS) $(if $(AT),--at $(AT)) $(ARGS)

simulate: env  ## Run SEEDS (200) simulated worlds from FIRST (0) on, HOURS (1/6) each; every failure prints how to see it again
	@$(PY) -m simulation --seeds "$(SEEDS)" --first "$(FIRST)" $(if $(HOURS),--hours "$(HOURS)") $(ARGS)

fault-guards: env  ## Take away each guard of docs/faults.md in a copy; a test must miss it (ARGS="7 24" for some rows)
	@nice $(PY) -m test.faults $(ARGS)

mutate: env  ## Make small wrong changes of the money paths, one at a time: FILE=markets.py for one; a test must notice each
	@$(PY) -m mutation $(FILE) --jobs $(JOBS) $(ARGS)

bench: env  ## Measure what the connector costs against its floors and bars, in under 10 minutes (ARGS="--json FILE --check")
	@$(PY) -m bench $(ARGS)

bench-feeds: env  ## Measure how fresh each source of order books is, and what one core sustains
	@$(PY) -m bench.feeds $(ARGS)

bench-sandbox: env  ## Measure the sandbox
	@$(PY) bench/sandbox.py $(ARGS)

bench-stalls: env  ## Quote 20 levels on 5 pairs among faults and look for whatever blocks the event loop
	@$(PY) -m bench.stalls $(ARGS)

bench-requests: env  ## Count the connector's HTTP requests a minute for one pair, idle and with 20 open orders
	@$(PY) -m bench.request_budget $(ARGS)

wheel: env  ## Build dist/hummingbot_standard-*.whl, which overlays into an installed Hummingbot
	@rm -rf build dist
	@$(PY) -m build --wheel --no-isolation
	@rm -rf build *.egg-info

lock: env  ## Resolve requirements.in into requirements.lock again, with hashes (ARGS=--upgrade for newer versions)
	@$(UV) pip compile --quiet --python-version 3.12 --generate-hashes --no-header $(ARGS) \
		requirements.in --output-file requirements.lock

clean:  ## Remove what the other targets leave behind, except .venv
	@rm -rf build dist *.egg-info .demo .demo-strategies .soak .crash-test .fuzz .mutation .simulation .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.PHONY: help env demo run-strategies test test-slow test-page screenshot lint sandbox crash-test crash-test-bot chaos model soak fuzz mutate simulate fault-guards bench bench-feeds bench-requests bench-stalls bench-sandbox wheel lock clean
