# The targets described in CONTRIBUTING.md. `make` without a target lists them.
.DEFAULT_GOAL := help
.PHONY: help setup format lint types test docs docs-serve lock bench ci

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## Install the project and its development tools in the locked versions
	uv sync --locked --extra dev --extra docs
	uv run pre-commit install

format:  ## Format the code and apply ruff's automatic fixes
	uv run ruff check --fix .
	uv run ruff format .

lint:  ## Check style and format
	uv run ruff check .
	uv run ruff format --check .

types:  ## Check types
	uv run mypy --strict instit_bench

test:  ## Run the tests that need no engine
	uv run pytest -n auto --dist worksteal

docs:  ## Build the documentation site; broken links are errors
	uv run zensical build --strict

docs-serve:  ## Serve the documentation on 127.0.0.1:8000
	uv run zensical serve

lock:  ## Update uv.lock from pyproject.toml
	uv lock

bench:  ## Measure speed and memory beside other harnesses and beside the goals (half an hour)
	benchmarks/peers-env
	uv run python -m benchmarks.endpoint_costs
	uv run python -m benchmarks.start_up
	uv run python -m benchmarks.scoring
	uv run python -m benchmarks.growth --samples 1000 10000
	uv run python -m benchmarks.video_decoding

ci:  ## Run everything that CI runs, in fresh environments
	bash .ci/run
