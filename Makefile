.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/ruff: pyproject.toml
	python3 -m venv .venv
	.venv/bin/pip install --quiet -e '.[dev]'
	@touch $@

.PHONY: demo
demo: .venv/bin/ruff ## Chat with the bot in a browser; needs no token.
	.venv/bin/imgbot demo

.venv/bin/python:
	python3 -m venv .venv

.PHONY: binary
binary: .venv/bin/python ## Build dist/imgbot: one file to copy to a server.
	.venv/bin/python -m imgbot.ops.install.onefile_build dist/imgbot $(if $(EXTRAS),--extras $(EXTRAS))

.PHONY: fmt
fmt: .venv/bin/ruff ## Format the code and mend what can be mended.
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: lint
lint: .venv/bin/ruff ## Check style, types and layers.
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/pyrefly check
	.venv/bin/lint-imports

.PHONY: test
test: .venv/bin/ruff ## Run the tests that take seconds; .venv/bin/pytest runs all.
	.venv/bin/pytest -m "not slow"

.PHONY: bench
bench: .venv/bin/ruff ## Race the bot against the guide's design and saq; 25 minutes.
	.venv/bin/pip install --quiet -e '.[bench]'
	.venv/bin/python -m tests.bench.race

.PHONY: check
check: ## Everything that CI runs; installs what is missing with apt.
	.ci/run
