# The commands that always work. Everything they need beyond Rust, Go and Terraform they install themselves.

VERSION    := $(shell sed -n '/^\[workspace.package\]/,/^$$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
PLATFORM   := $(shell uname -s | tr A-Z a-z)_$(subst x86_64,amd64,$(subst aarch64,arm64,$(shell uname -m)))
PLUGIN_DIR ?= $(HOME)/.terraform.d/plugins
BINARY     := terraform-provider-ha_v$(VERSION)
ROUNDS     ?=
SEED       ?=

.PHONY: help demo demo-down test check acceptance acceptance-long install bench chaos

help: ## What there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

demo: ## A cluster on this machine: three masters behind a floating IP, and a worker
	acceptance/demo up

demo-down: ## Removes the demo, the lab's nodes and the demo's Terraform files
	acceptance/demo down

test: check acceptance ## Everything that CI runs

check: ## Format, lints, unit and doc tests; needs no root, no network and no Terraform
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked

acceptance: ## Real Terraform against real clusters on the lab, one long scenario among them (HA_SEED=n picks it); needs root
	acceptance/run

acceptance-long: ## All long scenarios: replacement, scaling, Ctrl-C, two applies, dead hosts
	acceptance/run long::

install: ## Builds the provider and installs it for Terraform and OpenTofu
	cargo build --release --locked
	for registry in registry.terraform.io registry.opentofu.org; do \
		install -D -m 0755 target/release/terraform-provider-ha \
			"$(PLUGIN_DIR)/$$registry/kube-ha/ha/$(VERSION)/$(PLATFORM)/$(BINARY)"; \
	done
	@echo "kube-ha/ha $(VERSION) is in $(PLUGIN_DIR)"

bench: ## Time to a cluster against the same steps by hand, and what the provider itself costs
	acceptance/bench $(or $(ROUNDS),3)

chaos: ## Random operations under random faults on the lab: make chaos ROUNDS=40 SEED=1
	acceptance/chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))
