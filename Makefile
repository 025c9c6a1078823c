# cogweave: `make help` lists what can be made.
#
# Runs on Debian 12 with Go 1.26, Python >= 3.11 and gcc; whatever else is missing is installed by the
# stamps below, each once. Build tags and flags are in build.sh and nowhere else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Go finds its caches below HOME; a shell without one gets a folder of the checkout.
export HOME ?= $(CURDIR)/.deps/home
export PATH := $(PATH):/usr/local/go/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Packages of Debian 12 that the engine is compiled and linked against.
PACKAGES := libgdal-dev libproj-dev g++ pkg-config libisal-dev libdeflate-dev libzstd-dev liblzma-dev python3-venv

# Environment of go vet, staticcheck and go test.
GOENV := eval "$$(./build.sh env)"

# Peers of the benchmarks.
PEERS := $(patsubst benchmarks/environments/%.txt,%,$(wildcard benchmarks/environments/*.txt))

ENGINE_SOURCES := build.sh go.mod go.sum $(shell find core fetch mosaic capi \
	\( -name '*.go' -o -name '*.c' -o -name '*.h' -o -name '*.map' \) ! -name '*_test.go' 2>/dev/null)

# ---- for users --------------------------------------------------------------------------------

.PHONY: help
help: ## Prints this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | \
		while IFS=$$'\t' read -r name text; do printf '  make %-17s %s\n' "$$name" "$$text"; done

.PHONY: build
build: .deps/cogweave ## Builds the engine and installs cogweave into .venv, with whatever that needs

.PHONY: demo
demo: .deps/cogweave .deps/servers ## Searches, reads and shows a mosaic over real HTTP; or CATALOG=... BBOX=... CRS=... of your own
	@echo '== demo'
	@CATALOG='$(CATALOG)' BBOX='$(BBOX)' CRS='$(CRS)' RESOLUTION='$(RESOLUTION)' DATETIME='$(DATETIME)' BANDS='$(BANDS)' \
		$(BIN)/python demo/demo.py

# ---- for developers ---------------------------------------------------------------------------

.PHONY: test
test: test-go test-python ## Runs every test of both languages

.PHONY: test-go
test-go: .deps/system ## Runs the tests of the Go packages
	@echo '== go test'
	@$(GOENV) && go test ./... | { grep -v 'no test files' || true; }
	@echo '== go test: every package passed'

.PHONY: test-python
test-python: .deps/cogweave .deps/servers .deps/stores ## Runs the Python suite against real HTTP servers
	@echo '== pytest'
	@$(BIN)/python -m pytest -q -p no:cacheprovider -n auto --maxprocesses 4 --dist loadfile tests

.PHONY: test-deps
test-deps: .deps/cogweave .deps/servers .deps/stores ## Installs and builds what the tests need, and runs none

.PHONY: race
race: .deps/system ## Runs the tests of core, fetch and mosaic under Go's race detector
	@$(GOENV) && go test -race ./core/... ./fetch/... ./mosaic

.PHONY: soak
soak: .deps/cogweave .deps/servers ## Ends 300 interpreters in the middle of a read, forks 200 times, cancels among 10,000 awaits
	@$(BIN)/python -m benchmarks.soak

.PHONY: bench
bench: .deps/cogweave .deps/servers .deps/floor $(PEERS:%=.deps/peers/%) ## Measures cogweave, its peers and the floor: docs/benchmarks.md. WORKLOAD=... QUICK=1 REPEAT=5
	@$(BIN)/python -m benchmarks $(if $(WORKLOAD),--workload '$(WORKLOAD)') $(if $(QUICK),--quick) --repeat $(or $(REPEAT),5)

.PHONY: bench-compare
bench-compare: .deps/system ## Compares the Go microbenchmarks of a commit and the checkout: BASE=<commit> BENCH=... PACKAGES=...
	@BASE='$(BASE)' benchmarks/compare

.PHONY: bench-concurrency
bench-concurrency: .deps/cogweave .deps/servers .deps/peers/lazycogs ## Measures what docs/concurrency.md promises, beside lazycogs
	@$(BIN)/python -m benchmarks.concurrency $$([ ! -x .bench/lazycogs/bin/python ] || echo --lazycogs .bench/lazycogs/bin/python)

.PHONY: docs
docs: .deps/cogweave .deps/docs ## Builds the documentation into build/docs: notebooks run, examples of docstrings run, no warning passes
	@echo '== doctests'
	@$(BIN)/python -m pytest -q -p no:cacheprovider --doctest-modules $$(grep -l '>>>' python/cogweave/*.py)
	@echo '== notebooks and pictures'
	@rm -rf build/docs-source && mkdir -p build && cp -r docs build/docs-source
	@rm -f build/docs-source/*.py build/docs-source/notebooks/*.py
	@$(BIN)/python -m docs.notebooks build/docs-source/notebooks
	@$(BIN)/python -m docs.screenshots build/docs-source/pictures
	@echo '== mkdocs'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build -q --strict && echo '   build/docs/index.html'

.PHONY: lint
lint: .deps/cogweave ## Checks both languages: vet, staticcheck, gofmt, ruff, mypy; C warnings are errors
	@echo '== gofmt'
	@unformatted=$$(gofmt -l core fetch mosaic capi tests benchmarks); [ -z "$$unformatted" ] || { echo "$$unformatted"; exit 1; }
	@echo '== go vet'
	@$(GOENV) && go vet ./...
	@echo '== staticcheck'
	@$(GOENV) && go run $(STATICCHECK) ./...
	@echo '== C header'
	@for language in c c++; do gcc -x $$language -Wall -Wextra -Wpedantic -Werror -fsyntax-only capi/include/cogweave.h; done
	@echo '== ruff'
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo '== mypy'
	@$(BIN)/mypy

.PHONY: ci
ci: ## Runs what continuous integration runs
	@.ci/run

.PHONY: clean
clean: ## Removes what was built, downloaded into the checkout or made by the demo
	rm -rf $(VENV) .deps .demo .bench build .mypy_cache .ruff_cache .pytest_cache .hypothesis python/*.egg-info
	rm -f python/cogweave/*.so python/cogweave/*.so.new python/cogweave/.duckdb-version python/cogweave/THIRD_PARTY_LICENSES*
	find core fetch mosaic capi python tests demo docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- what is installed, each once ---------------------------------------------------------------

.deps/system: Makefile
	@mkdir -p $(@D) "$$HOME"
	@go version >/dev/null 2>&1 || { echo 'Go 1.26 or newer is needed: https://go.dev/dl/' >&2; exit 1; }
	@missing=''; \
	if command -v dpkg >/dev/null; then \
		for package in $(PACKAGES); do dpkg -s $$package >/dev/null 2>&1 || missing+=" $$package"; done; \
	else \
		echo "== not Debian: please see to it that the equivalents of $(PACKAGES) are installed"; \
	fi; \
	if [ -n "$$missing" ]; then \
		as_root=''; [ "$$(id -u)" = 0 ] || as_root=sudo; \
		echo "== installing$$missing"; \
		$$as_root apt-get update -qq; \
		$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@touch $@

# python3 may be a shim that works in its owner's HOME only: the first one that really runs is taken.
.deps/venv: | .deps/system
	@for python in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			echo "== making $(VENV) with $$($$python --version)"; \
			$$python -m venv $(VENV); break; \
		fi; \
	done
	@[ -x $(BIN)/python ] || { echo 'Python 3.11 or newer with venv is needed' >&2; exit 1; }
	@touch $@

# pip calls build.sh through pyproject.toml's build hook. A change of the engine alone needs no pip.
.deps/installed: .deps/venv pyproject.toml setup.py tests/requirements.txt
	@echo '== building and installing cogweave (the first time a few minutes: DuckDB, GDAL bindings and Arrow are compiled)'
	@$(BIN)/pip install -q -e '.[test]' -r tests/requirements.txt
	@touch $@

.deps/cogweave: .deps/installed $(ENGINE_SOURCES)
	@./build.sh
	@touch $@

# What the documentation is built with. Chromium takes the pictures of the reprs; the build goes on without it.
.deps/docs: .deps/installed pyproject.toml
	@echo '== installing what the documentation is built with'
	@$(BIN)/pip install -q -e '.[docs]'
	@touch $@

# The peers of the benchmarks, each in an environment of its own; one that cannot be installed is left out, loudly.
.deps/peers/%: benchmarks/environments/%.txt | .deps/venv
	@mkdir -p $(@D)
	@if $(BIN)/python -m benchmarks.install $*; then touch $@; fi

.deps/floor: $(wildcard benchmarks/floor/*) | .deps/system
	@mkdir -p .bench
	@$(GOENV) && go build -o .bench/floor ./benchmarks/floor
	@touch $@

# Object stores and a web server of other makers; the tests say which of them could not be installed.
.deps/stores: tests/servers/install.sh | .deps/system
	@$<
	@touch $@

.deps/servers: $(wildcard tests/servers/rangeserver/*.go) | .deps/system
	@mkdir -p build/test-servers
	@CGO_ENABLED=0 go build -buildvcs=false -o build/test-servers/rangeserver ./tests/servers/rangeserver
	@touch $@
