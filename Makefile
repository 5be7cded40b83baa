# One command each; `make help` lists them. Nothing needs root, Docker, AWS or an exported variable.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FITTING := import sys; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## the whole router on this machine, until Ctrl-C
	@$(BIN)/python -m tinyllama up

demo: $(READY) ## a prompt, its answer, its event; then everything stops
	@$(BIN)/python -m tinyllama demo

test: $(READY) node_modules ## every suite but the engine's, with branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term

test-fast: $(READY) ## what is quick: a minute
	$(BIN)/python -m pytest -m "not slow"

test-stores: $(READY) ## every move on another store: TEST_STORE_SERVER=/path/to/valkey-server
	$(BIN)/python -m pytest tests/store tests/model tests/worker

test-engine: $(READY) ## the router in front of a real model server (installs PyTorch elsewhere)
	tests/engine/setup.sh > /dev/null
	$(BIN)/python -m pytest tests/engine

test-clients: $(READY) tests/clients/node_modules ## official clients wait, unmodified, for an engine slowed to a minute
	tests/engine/setup.sh > /dev/null
	tests/environment.sh $(BIN)/python clients tests/clients/requirements.txt > /dev/null
	tests/environment.sh $(BIN)/python clients-litellm tests/clients/requirements-litellm.txt > /dev/null
	$(BIN)/python -m pytest tests/clients

test-infra: $(READY) ## what is deployed: the package, its functions, Terraform and its policies
	$(BIN)/python -m pytest tests/infra

test-emulator: $(READY) node_modules ## a stage deployed to an emulated AWS, changed, rolled back, destroyed
	tests/environment.sh $(BIN)/python emulator tests/emulator/requirements.txt > /dev/null
	tests/environment.sh $(BIN)/python checkov tests/emulator/requirements-checkov.txt > /dev/null
	$(BIN)/python -m pytest tests/emulator --durations=0

fuzz: $(READY) ## 20,000 odd calls and 100,000 of each property; writes bench/results/fuzz.md
	$(BIN)/python -m tests.fuzz --cases 20000 --examples 100000 $(if $(SEED),--seed $(SEED)) \
	  --results bench/results/fuzz.md

fuzz-short: $(READY) ## 2,000 odd calls, each answer held against the contract: SEED=1
	$(BIN)/python -m tests.fuzz --cases 2000 --seed $(or $(SEED),1)

mutation: $(READY) ## small wrongs in the verify paths; writes bench/results/mutation.md (15 minutes)
	$(BIN)/python -m bench.mutation

chaos: $(READY) ## break everything that can be, at length; writes bench/results/chaos.md
	$(BIN)/python -m chaos

chaos-short: $(READY) ## the same in about three minutes
	$(BIN)/python -m chaos --short

soak: $(READY) ## a mixed load for three minutes, start and end included
	$(BIN)/python -m bench.soak --minutes 2.5

soak-long: $(READY) ## the same for thirty; writes bench/results/soak.md and its picture
	$(BIN)/python -m bench.soak --minutes 30 --results bench/results/soak.md \
	  --image docs/images/soak.svg

model: $(READY) ## random moves against a plain model: MOVES=10000 from SEED=1
	$(BIN)/python -m pytest tests/model -s -k stays_as --moves=$(or $(MOVES),10000) --seed=$(or $(SEED),1)

model-long: $(READY) ## the same with a million moves: hours
	$(MAKE) model MOVES=1000000 SEED=$(or $(SEED),1)

bootstrap: $(READY) ## where Terraform keeps its state, once for an account and region
	@$(BIN)/python -m tinyllama bootstrap $(if $(REGION),--region $(REGION))

package: $(READY) ## what is deployed, into build/<stage>: STAGE=dev
	@$(BIN)/python -m tinyllama package $(or $(STAGE),dev)

deploy: $(READY) ## a stage to AWS, its code verified and its API healthy: STAGE=dev
	@$(BIN)/python -m tinyllama deploy $(or $(STAGE),dev)

lint: $(READY) ## style, types, layers, generated files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tinyllama.compile_schemas --check
	$(BIN)/python -m tinyllama.contract --check
	$(BIN)/python -m tinyllama.error_page --check
	$(BIN)/python -m tinyllama.reference --check

fmt: $(READY) ## format, and write the generated files anew
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/python -m tinyllama.compile_schemas
	$(BIN)/python -m tinyllama.contract
	$(BIN)/python -m tinyllama.error_page
	$(BIN)/python -m tinyllama.reference

audit: $(READY) ## ask PyPI and npm whether a locked version is known to be bad (wants the internet)
	@$(BIN)/python -m bench.advisories

lock: ## resolve requirements-dev.txt anew and pin what came of it
	rm -rf build/lock && mkdir -p build && : > constraints.txt
	python3 -m venv build/lock && build/lock/bin/pip install -q -r requirements-dev.txt
	{ echo "# Every version of the whole tree, direct and not; written by \`make lock\`."; \
	  build/lock/bin/pip freeze | LC_ALL=C sort -f; } > constraints.txt

$(READY): requirements.txt requirements-dev.txt constraints.txt pyproject.toml
	@found=; for python in python3.13 python3.12 python3; do \
	  if $$python -c '$(FITTING)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.13 or 3.12 is needed and neither is on PATH. Install it:" >&2; \
	  echo "  apt-get install python3.13 python3.13-venv   (Debian 13, Ubuntu 25.04)" >&2; \
	  echo "  brew install python@3.13                     (macOS)" >&2; \
	  echo "  pyenv install 3.13                           (anywhere)" >&2; exit 1; \
	fi; \
	echo "Installing into $(VENV) with $$($$found --version): about a minute ..."; \
	rm -rf $(VENV) && $$found -m venv $(VENV) && \
	$(BIN)/pip install -qq --disable-pip-version-check -r requirements-dev.txt && \
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	touch $@

node_modules: package-lock.json
	@if command -v npm > /dev/null; then npm ci --silent && touch $@; \
	else echo "npm is missing: newman's tests will be skipped (apt-get install npm)" >&2; fi

tests/clients/node_modules: tests/clients/package-lock.json
	@if command -v npm > /dev/null; then npm ci --silent --prefix tests/clients && touch $@; \
	else echo "npm is missing: the clients for Node will fail (apt-get install npm)" >&2; fi

.PHONY: help run demo test test-fast test-stores test-engine test-clients test-infra test-emulator fuzz fuzz-short mutation chaos chaos-short soak soak-long model model-long bootstrap package deploy audit lint fmt lock
