# Every target sets up what it needs by itself. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test lint soak bench services-up services-down

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## Build ramstream and watch it work on a simulated account; nothing else is needed
	@scripts/demo

test: ## Run all checks and all tests, with a real Kafka and a real schema registry
	@scripts/test

lint: ## Run all checks except the tests: format, clippy, documentation, scripts, compose file, licences
	@scripts/lint

soak: ## Run at length what `make test` samples: hours; resumes where it was stopped
	@scripts/soak

bench: ## Measure the ratios that docs/benchmarks.md lists, with the services up
	@scripts/bench

services-up: ## Start Kafka and the registry and print the environment that the tests read
	@tests/services/up

services-down: ## Stop them and remove their data
	@tests/services/down
