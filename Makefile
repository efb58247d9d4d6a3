.DEFAULT_GOAL := help
MEMBERS := shared services/gateway services/deploy-service services/executor-service services/jobs-service cli
PROJECTS := $(foreach m,$(MEMBERS),$(m)/pyproject.toml)
OURS := flowport flowport-shared flowport-gateway flowport-deploy-service flowport-executor-service flowport-jobs-service
BIN := .venv/bin

.PHONY: lock
lock: ## resolve every dependency anew into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade \
	  --all-extras --group dev $(addprefix --no-emit-package ,$(OURS)) pyproject.toml $(PROJECTS) --output-file requirements.lock
