.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/aminorun, one static binary
	CGO_ENABLED=0 go build -trimpath -o bin/aminorun ./cmd/aminorun

.PHONY: demo
demo: build ## Show the main job on real processes; needs only Go and make
	go run ./e2e/demo

.PHONY: test
test: ## Run every test; installs what a bare Debian machine lacks
	sh scripts/test.sh

.PHONY: quick
quick: ## Run the Go tests that need only Go, without the slow ones
	go test -short ./...

.PHONY: race
race: ## Run the concurrent rooms under the race detector
	sh scripts/gotest.sh -race -short $$(go list ./kernel/... ./oms/... ./internal/... ./dms/... ./host/... | grep -v -e dms/standard -e dms/scalability -e kernel/wasmdm) # the first and the last are made of the others; the second trips a check inside the detector itself
	sh scripts/gotest.sh -race -run 'Move|Ring|Reentrant' ./e2e

.PHONY: soak
soak: ## Look for faults for longer, with other chances each time (SOAK=600 seconds)
	sh scripts/soak.sh

.PHONY: bench
bench: ## Measure calls, snapshots and moves beside floors and grpc-go
	go run ./bench

.PHONY: fuzz
fuzz: ## Fuzz every decoder for a short while (FUZZTIME=10s)
	sh scripts/fuzz.sh

.PHONY: guests
guests: ## Rebuild the committed guests from source into build/guests
	sh scripts/toolchain/install.sh c rust assemblyscript
	sh scripts/toolchain/rebuild.sh c rust assemblyscript

.PHONY: generate
generate: ## Make generated files again
	go generate ./...

.PHONY: lint
lint: ## Check the form: gofmt, vet, staticcheck, generated files, other platforms
	sh scripts/lint.sh
