# Every target makes what it needs first. `make` alone lists them.
PYTHON ?= python3
PORT ?= 8000
TRAFFIC ?= 1
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WEB := web/dist/index.html
WEB_SOURCES := $(shell find web devtools/server/examples devtools/server/static -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)

.PHONY: help run test check coverage bench web faults dist clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: $(READY) ## Start the example shop with devtools mounted, and its traffic (PORT=8000 TRAFFIC=1)
	@$(MAKE) --no-print-directory web || true
	@PORT=$(PORT) TRAFFIC=$(TRAFFIC) $(BIN)/python -m examples.shop

test: $(READY) ## The quick suite; the browser tests too where a Chromium is found
	@$(MAKE) --no-print-directory web || true
	$(BIN)/pytest -n auto -q -m "not slow"

faults: $(READY) ## The slow suite: real processes, kills, full disks, the command line
	$(BIN)/pytest -n auto -q -m slow

check: $(READY) ## Format, lint, strict types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	@if [ -d web/node_modules ]; then npm --prefix web run --silent check; fi

coverage: $(READY) ## Both suites with branch coverage, subprocesses counted; fails under 90 %
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto -q
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered

bench: $(READY) ## Every figure beside its limit; `make bench NAME=requests` runs one
	@$(BIN)/python -c "import opentelemetry.sdk" 2>/dev/null || $(MAKE) --no-print-directory bench-peers
	@$(BIN)/python -m benchmarks $(NAME)

web: $(READY) ## Build GraphiQL and the first page; says what is missing without npm
	@if command -v npm >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory --silent $(WEB); \
	else \
		echo "npm is not installed: the web files are missing, small server-made pages stand in. Install Node.js 20 or newer for them."; \
	fi

dist: $(READY) $(WEB) ## Build what is published, sdist and wheel, into dist/; fails without the web files
	@if command -v uv >/dev/null 2>&1; then DEVTOOLS_RELEASE=1 uv build --out-dir dist; \
	else $(BIN)/python -m pip install --quiet build && DEVTOOLS_RELEASE=1 $(BIN)/python -m build --outdir dist; fi

web/node_modules/.package-lock.json: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB): $(WEB_SOURCES) web/node_modules/.package-lock.json
	npm --prefix web run --silent build
	@touch $(WEB)

$(READY): pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
		test -d $(VENV) || uv venv --quiet --python '>=3.11' $(VENV); \
		VIRTUAL_ENV=$(abspath $(VENV)) uv pip install --quiet --editable . --group dev; \
	else \
		$(PYTHON) -c 'import sys; sys.exit("devtools needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=…" if sys.version_info < (3, 11) else 0)' \
			|| { echo "No usable $(PYTHON). Install Python 3.11 or newer, or uv."; exit 1; }; \
		test -d $(VENV) || $(PYTHON) -m venv $(VENV) || { echo "Cannot make $(VENV): install the venv module (Debian: python3-venv)."; exit 1; }; \
		$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' && $(BIN)/python -m pip install --quiet --editable . --group dev; \
	fi
	@touch $(READY)

.PHONY: bench-peers
bench-peers:
	@if command -v uv >/dev/null 2>&1; then VIRTUAL_ENV=$(abspath $(VENV)) uv pip install --quiet --group bench; \
	else $(BIN)/python -m pip install --quiet --group bench; fi

.PHONY: peers
peers: $(READY) ## The suites of Starlette and FastAPI themselves, without devtools and with it in every app; `make peers NAME=starlette`
	$(BIN)/python -m tests.peers $(NAME)

clean: ## Remove what was built
	rm -rf $(VENV) web/dist web/node_modules dist build
