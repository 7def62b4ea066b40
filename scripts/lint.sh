#!/bin/sh
# Checks the form of the code, and that it builds for the platforms we name without cgo.
set -eu
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "not gofmt-ed: $unformatted" >&2; exit 1; }

for module in . guest-sdks/go examples; do
	(cd $module && go vet ./... && go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...)
done

go generate ./...
git diff --exit-code -- dms/standard docs || { echo "generated files are stale: commit what 'make generate' made" >&2; exit 1; }

for platform in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
	CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go build -o /dev/null ./cmd/aminorun || { echo "does not build for $platform" >&2; exit 1; }
done
echo "the form is in order"
