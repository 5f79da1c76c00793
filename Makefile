# Two commands for the newcomer: `make demo` shows it, `make test` checks it. Each sets up what it needs.

PYTHON := .venv/bin/python
STAGE := dev/stage.sh
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help rewritten setup demo test test-deploy lint types bench docs lock clean venv
.NOTPARALLEL:

# The suite starts processes by the hundred; without this, each would compile all its modules anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## shows a pull request failing and passing, on this machine alone (KEEP=1: stays up; FORGE=gitlab)
	@$(STAGE) "Set-up" dev/setup.sh demo
	@KEEP="$(KEEP)" FORGE="$(FORGE)" $(PYTHON) -m dev.demo

test: setup lint rewritten types ## runs everything: set-up, ruff, mypy, import contracts, pytest (ARGS="-k name")
	@$(STAGE) "pytest" $(PYTHON) -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-deploy: setup ## deploy/: its image upgraded under five jobs, its proxies, alerts (minutes at first)
	@command -v debootstrap >/dev/null || dev/apt.sh deploy debootstrap
	@command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || dev/apt.sh deploy docker-compose
	@$(STAGE) "images" $(PYTHON) -m tests.deploy.prepare
	@CI_BOT_TEST_DEPLOY=1 $(STAGE) "deploy" $(PYTHON) -m pytest -v tests/deploy tests/test_deploy_metrics.py tests/scenarios/test_metrics.py $(ARGS)

# Each worker of pytest would rewrite the asserts of all test modules anew; this goes on beside mypy.
rewritten: venv
	@$(PYTHON) -m pytest --collect-only -qq >/dev/null 2>&1 &

setup: ## makes all that the tests need: .venv, Docker engine, images, GitHub's API description
	@$(STAGE) "Set-up" dev/setup.sh test

lint: venv ## ruff (rules, format) and the import contracts
	@$(STAGE) "ruff check" .venv/bin/ruff check
	@$(STAGE) "ruff format" .venv/bin/ruff format --check
	@$(STAGE) "import contracts" .venv/bin/lint-imports

types: venv ## mypy, strict
	@$(STAGE) "mypy" .venv/bin/mypy --num-workers 2

bench: setup ## the benchmarks
	@$(PYTHON) -m bench $(ARGS)

docs: venv ## makes docs/language.md and docs/schema.json anew, after a change of the language
	@$(PYTHON) -m dev.language

lock: ## locks the dependencies anew after a change of pyproject.toml
	@requirements/lock.sh

clean: ## removes what was made here; a Docker engine and its images stay
	rm -rf .venv .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find .cache -mindepth 1 -maxdepth 1 ! -name 'dockerd.*' -exec rm -rf {} + 2>/dev/null || true
	@echo "The images: docker image rm \$$(docker image ls -q --filter label=ci-bot.test-image=1)"

venv:
	@dev/venv.sh
