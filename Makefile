# Everything a developer types, each with all of its own set-up. `make` alone lists it.
# Environments that cannot be one: .venv runs the demo and the tests, .tools/lint reads the code (ruff, mypy,
# import-linter), .tools/aws reads and builds the bundle (its tools pull boto3 and pydantic back), .tools/places is for
# making data and for nothing else.

.DEFAULT_GOAL := help
.PHONY: help demo test browser serve bench build places lint code types imports template security check lock clean
export AWS_DEFAULT_REGION ?= eu-west-1
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A changed lock makes a new stamp, and so a new environment.
stamp = $(1)/.made-$(shell cat $(2) | cksum | cut -d" " -f1)
DEV := $(call stamp,.venv,requirements/dev.txt pyproject.toml)
LINT := $(call stamp,.tools/lint,requirements/lint.txt)
AWS := $(call stamp,.tools/aws,requirements/tools.txt)
DATA := $(call stamp,.tools/places,requirements/places.txt)
# The hash of every package is checked; the locks are complete, so nothing is resolved.
define environment
	@python=$$(bash .ci/find-python) || exit 1; echo "making $(1) ($(3); first time only)"; \
	  "$$python" -m venv --clear $(1) >/dev/null || \
	  { echo "$$python cannot make environments: install its venv package (Debian: python3-venv)" >&2; exit 1; }
	@$(1)/bin/python -m pip install -qq --no-deps --require-hashes -r $(2)
endef

UV = $(CURDIR)/.tools/aws/bin/uv pip compile -q --upgrade --generate-hashes --no-annotate --no-header

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

demo: $(DEV) ## one order's journey on the local cloud: no account, no Docker, no credentials
	@.venv/bin/aftercare demo

test: $(DEV) ## the whole suite; ARGS="-k reorder -n0" for a part of it
	@.venv/bin/python -m pytest -q -n auto --dist worksteal $(ARGS)

browser: ## what the tests in a real browser need: Debian's Chromium, and axe-core (as root, or with sudo)
	@bash .ci/browser

serve: $(DEV) ## the customers' pages of the demo to click through: http://127.0.0.1:8300
	@.venv/bin/aftercare serve

bench: $(DEV) build ## the bars of cost and speed, as a table and as build/bench.json
	@.venv/bin/python -m simulator.bench

build: $(AWS) ## the bundle as it is deployed, in .aws-sam/build
	@if python=$$(bash .ci/find-python 3.13); then PATH="$$(dirname "$$python"):$$PATH"; \
	  else echo "building without bytecode: it runs, and starts slower" >&2; fi; .tools/aws/bin/sam build

places: $(DATA) ## zones and public holidays anew, from the versions that requirements/places.txt locks
	@.tools/places/bin/python -W ignore .ci/make_places.py

lint: code types imports template security ## every linter

code: $(LINT)
	@.tools/lint/bin/ruff check --quiet . && .tools/lint/bin/ruff format --check --quiet .

types: $(LINT)
	@.tools/lint/bin/mypy --no-error-summary

imports: $(LINT)
	@PYTHONPATH=functions:layers/shared:. .tools/lint/bin/lint-imports

template: $(AWS)
	@.tools/aws/bin/cfn-lint -a cfn_lint_serverless.rules -t template.yaml
	@.tools/aws/bin/sam validate --lint
	@.tools/aws/bin/checkov -f template.yaml --config-file .ci/checkov.yaml

security: $(AWS)
	@.tools/aws/bin/bandit -q -c .ci/bandit.yaml -r functions layers/shared/aftercare simulator

check: ## all that is run before a change is accepted (.ci/run)
	@bash .ci/run

lock: $(AWS) ## new versions into the lock files, with the hash of every file
	@cd requirements && $(UV) --universal --python-version 3.11 dev.in -o dev.txt
	@cd requirements && $(UV) --universal --python-version 3.11 lint.in -c dev.txt -o lint.txt
	@cd requirements && $(UV) --universal --python-version 3.11 tools.in -o tools.txt
	@cd requirements && $(UV) --universal --python-version 3.11 -c dev.txt places.in -o places.txt
	@cd layers/shared && $(UV) --python-version 3.13 --python-platform aarch64-manylinux_2_28 requirements.in \
	  -c ../../requirements/dev.txt -o requirements.txt
	@git diff --stat -- requirements layers/shared/requirements.txt

clean: ## leave only what is in version control
	rm -rf .venv .tools .aws-sam build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DEV): requirements/dev.txt
	$(call environment,.venv,$<,half a minute)
	@.venv/bin/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

$(LINT): requirements/lint.txt
	$(call environment,.tools/lint,$<,half a minute)
	@touch $@

$(DATA): requirements/places.txt
	$(call environment,.tools/places,$<,half a minute)
	@touch $@

$(AWS): requirements/tools.txt
	$(call environment,.tools/aws,$<,a minute)
	@touch $@
