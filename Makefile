# Everything a developer needs, one word each. It makes its own virtual environment in .venv and
# keeps it up to date by stamp files there; tools/prepare says what it installs and why.

VENV := .venv
STAMPS := $(VENV)/stamps
PYTHON := $(VENV)/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench bench-kill bench-broadcast bench-learn bench-baseline bench-spikes screenshots docs clean browser font

help: ## Show this text
	@echo "make run          start Shenava in a rehearsal, with simulated platforms; prints the addresses"
	@echo "make test         run the tests (ARGS='-k import' for some of them)"
	@echo "make lint         check style, types, imports between rooms, translations"
	@echo "make format       put the code into the one style"
	@echo "make bench        measure: model, import, memory, inbox, customers, the report"
	@echo "make bench-kill   kill it 200 times at work: is anything lost, doubled or sent twice?"
	@echo "make bench-broadcast  kill it 200 times while it tells 10,000 people"
	@echo "make bench-learn  what a shop's corrections win back (DATA=folder with dev.jsonl.xz)"
	@echo "make bench-baseline  the model beside a plain baseline and VADER (DATA=folder with train.jsonl.xz)"
	@echo "make bench-spikes how soon an outage is told, and how often wrongly"
	@echo "make screenshots  take the README's pictures anew, and time its way"
	@echo "make docs         write docs/settings.md and docs/commands.md anew"
	@echo "make clean        remove what make made, the virtual environment too"

run: $(STAMPS)/run font
	$(VENV)/bin/shenava run --rehearsal $(ARGS)

# Databases of tests live for seconds: where memory can hold them, the disk need not. Much of a test is
# waiting (for a browser, a lease, a killed process), so there is one worker more than cores.
test: SCRATCH = $(shell test "$$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)" -gt 4000000 2>/dev/null && test -w /dev/shm && echo TMPDIR=/dev/shm)
test: WORKERS = $(shell n=$$(nproc); echo $$((n < 4 ? n + 1 : 4)))
test: $(STAMPS)/test browser font
	$(SCRATCH) $(PYTHON) -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

lint: $(STAMPS)/test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m dashboard.translate --check

format: $(STAMPS)/test
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(STAMPS)/test
	$(PYTHON) -m benchmarks $(ARGS)

bench-broadcast: $(STAMPS)/test
	$(PYTHON) -m benchmarks.bench_broadcast $(ARGS)

bench-spikes: $(STAMPS)/test
	$(PYTHON) -m benchmarks.bench_spikes $(ARGS)

bench-baseline: $(STAMPS)/baseline
	$(PYTHON) -m benchmarks.bench_baseline --data $(DATA) --card docs/model-card.md $(ARGS)

bench-kill: $(STAMPS)/test
	$(PYTHON) -m benchmarks.bench_kill $(ARGS)

bench-learn: $(STAMPS)/test
	$(PYTHON) -m benchmarks.bench_learn --data $(DATA) --card docs/model-card.md $(ARGS)

screenshots: $(STAMPS)/test browser
	$(PYTHON) tools/screenshots.py .make/pictures --pages inbox --languages fa --themes light --sizes wide
	@mkdir -p docs/screenshots
	cp .make/pictures/inbox-fa-light-wide.png docs/screenshots/inbox-fa.png
	$(PYTHON) tools/walkthrough.py docs/screenshots

docs: $(STAMPS)/run
	$(PYTHON) -m service.docs

clean:
	rm -rf $(VENV) .make build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps. "run" is what the service needs, "test" adds what developing it needs.

$(STAMPS)/venv: tools/prepare
	@tools/prepare venv $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/run: $(STAMPS)/venv setup.cfg pyproject.toml
	@tools/prepare install $(VENV) .
	@touch $@

$(STAMPS)/test: $(STAMPS)/run
	@tools/prepare install $(VENV) '.[test]'
	@touch $@

$(STAMPS)/baseline: $(STAMPS)/run
	@tools/prepare install $(VENV) '.[train,baseline]'
	@touch $@

# Looked at each time: they belong to the machine, not to the environment.
browser:
	@tools/prepare browser

font:
	@tools/prepare font
