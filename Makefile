.DEFAULT_GOAL := help
.PHONY: help run build test lint bench openapi compiler

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the demonstration: SQLite, sample data, simulated WeChat
	go run . demo

build: ## build the static binary bin/zhibu
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/zhibu .

# Properties try the same random cases at every make test; go test without RAPID_SEED looks for new ones.
test: compiler lint ## lint, then every test on SQLite and a private MariaDB, under the race detector
	RAPID_SEED=20210101 scripts/with-mariadb -- sh -c 'CGO_ENABLED=1 go test -race -shuffle=on -timeout=45m ./... && go test -run="Large|Histories" ./service/roster ./service/period ./service/dues ./service/push'

lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then printf 'not formatted, run gofmt -w:\n%s\n' "$$unformatted" >&2; exit 1; fi
	go vet ./...
	go tool -modfile=tools.mod staticcheck ./...

bench: ## measure on SQLite and on a MariaDB that flushes every commit
	scripts/with-mariadb --durable -- go run ./bench

openapi: ## write docs/openapi.yaml from the code
	mkdir -p bin
	go run . openapi >bin/openapi.yaml && mv bin/openapi.yaml docs/openapi.yaml

# The race detector is C; without a compiler go test would only say that cgo is missing.
compiler:
	@printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $$(go env CC) -x c -o /dev/null - || { \
	printf '\nmake test needs a C compiler for the race detector: install gcc and libc6-dev (Debian, Ubuntu)\n\n' >&2; \
	exit 1; }
