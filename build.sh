#!/usr/bin/env bash
# Builds libcogweave.so and libduckdb-cw.so into python/cogweave/, and THIRD_PARTY_LICENSES of both. The only place for build tags and flags.
#
#   ./build.sh            builds what is out of date
#   ./build.sh duckdb     only libduckdb-cw.so (once; 1 s)
#   ./build.sh env        prints the environment for go vet, staticcheck and go test:  eval "$(./build.sh env)"
#
# COGWEAVE_TAGS adds build tags (the suite builds the panic probe with `probe`).
# COGWEAVE_OUT names another output folder, by its absolute path.
set -euo pipefail

# `build.sh tool` stands before each tool of Go's while the library is built. Where a cgo package exports
# nothing, cgo writes no header, so go finds none in its cache and runs cgo and gcc on the package again
# in every build: a minute, to no end. An empty header is one.
if [ "${1:-}" = tool ]; then
  shift
  [ "${1##*/}" = cgo ] || exec "$@"
  if [ "${2:-}" = -V=full ]; then
    echo "$("$@") with headers" # what is in the cache without them is not taken
    exit
  fi
  "$@"
  for argument in "$@"; do
    case $argument in -exportheader=*) [ -e "${argument#*=}" ] || : >"${argument#*=}" ;; esac
  done
  exit
fi

cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD
out=${COGWEAVE_OUT:-$root/python/cogweave}

duckdb=github.com/duckdb/duckdb-go-bindings/lib/linux-amd64
tags=duckdb_use_lib,duckdb_arrow,netgo,osusergo${COGWEAVE_TAGS:+,$COGWEAVE_TAGS}

# DuckDB is a shared library of its own: inside ours, its thread-local storage would not fit into
# the static TLS block that Go's c-shared mode needs (ARCHITECTURE.md, "Two libraries").
export GOFLAGS="-buildvcs=false -tags=$tags"
export CGO_ENABLED=1
# No contraction into FMA: a pixel is the same whichever loop, full or remainder, computed it.
# (Warnings are errors in our own packages, by their #cgo lines; dependencies keep theirs.)
export CGO_CFLAGS="-O3 -g -fno-math-errno -ffp-contract=off"
export CGO_CXXFLAGS="-O2 -g"
# The binding asks for -lduckdb; build/lib gives it under that name, at link time only.
link=$root/build/lib
export CGO_LDFLAGS="-L$link -Wl,-rpath,\$ORIGIN"

build_duckdb() {
  local module=$duckdb package=$root/python/cogweave version dir
  local lib=$package/libduckdb-cw.so
  mkdir -p "$link" "$out"
  ln -sfn "$lib" "$link/libduckdb.so"
  [ "$out" -ef "$package" ] || ln -sfn "$lib" "$out/libduckdb-cw.so"
  version=$(go list -m -f '{{.Version}}' "$module")
  if [ -f "$lib" ] && [ "$(cat "$package/.duckdb-version" 2>/dev/null)" = "$version" ]; then return; fi
  echo "build.sh: linking libduckdb-cw.so from $module $version" >&2
  # Only this platform's archives: `go mod download` without a name brings five platforms, 573 MB.
  go mod download "$module"
  dir=$(go list -m -f '{{.Dir}}' "$module")
  local map others
  map=$(mktemp)
  others=$(mktemp -d)
  trap 'rm -rf "$map" "$others"' RETURN
  echo '{ global: duckdb_*; local: *; };' >"$map"
  local archives=()
  for archive in "$dir"/*.a; do
    case $archive in *libduckdb_static.a | *libduckdb_jemalloc.a) ;; *) archives+=("$archive") ;; esac
  done
  g++ -shared -s -o "$lib.new" -Wl,-soname,libduckdb-cw.so -Wl,--version-script="$map" \
    -Wl,--whole-archive "$dir/libduckdb_static.a" -Wl,--no-whole-archive \
    -Wl,--start-group "${archives[@]}" -Wl,--end-group -lpthread -ldl
  mv "$lib.new" "$lib"
  echo "$version" >"$package/.duckdb-version"
}

build_cogweave() {
  echo "build.sh: building libcogweave.so" >&2
  # -Wl,--exclude-libs keeps static archives' symbols in; exports.map leaves cw_* visible and nothing else.
  go build -buildmode=c-shared -trimpath -toolexec "'$root/build.sh' tool" \
    -ldflags "-s -w -extldflags '-Wl,--version-script=$root/capi/exports.map -Wl,-soname,libcogweave.so -Wl,-z,relro,-z,now'" \
    -o "$out/libcogweave.so.new" ./capi
  rm -f "$out/libcogweave.so.h" "$out/libcogweave.so.new.h" "$out/libcogweave.h"
  # A process that has the old one loaded keeps it: replaced by rename, never written over.
  mv "$out/libcogweave.so.new" "$out/libcogweave.so"
}

# Licences of what is linked into the libraries: of Go, of DuckDB, and of each module, nested ones of the packages in use
# included.
gather_licences() {
  local cache root modules packages folder file IFS=$'\n'
  cache=$(go env GOMODCACHE)
  root=$(go env GOROOT)
  modules=$(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Dir}}{{end}}{{end}}' ./capi | sort -u)
  modules+=$'\n'$(go list -m -f '{{.Dir}}' "$duckdb")
  packages=$(go list -deps -f '{{if .Module}}{{if not .Module.Main}}{{.Dir}}{{end}}{{end}}' ./capi)
  for folder in $modules; do
    [ -n "$(licences_in "$folder")" ] || { echo "build.sh: $folder has no licence" >&2 && return 1; }
  done
  {
    echo 'cogweave is linked with works of others, whose licences follow. Those of the works that are part of'
    echo 'DuckDB stand in its source, in the folder third_party.'
    # Packages of Go that distributions make keep Go's own elsewhere.
    for file in $(licences_in "$root" $modules $packages | sort -u); do
      printf '\n==== %s\n\n' "$(sed -E "s|^$root/|go/|; s|^$cache/||; s|!(.)|\u\1|g" <<<"$file")"
      cat "$file"
    done
  } >"$out/THIRD_PARTY_LICENSES.new"
  mv "$out/THIRD_PARTY_LICENSES.new" "$out/THIRD_PARTY_LICENSES"
}

licences_in() { find "$@" -maxdepth 1 -type f -iregex '.*/\(licen[cs]e\|copying\|notice\|patents\)[^/]*'; }

case ${1:-all} in
  all)
    build_duckdb
    build_cogweave
    gather_licences
    ;;
  duckdb) build_duckdb ;;
  env)
    build_duckdb
    for name in GOFLAGS CGO_ENABLED CGO_CFLAGS CGO_CXXFLAGS; do printf 'export %s=%q\n' "$name" "${!name}"; done
    # Test binaries are not beside the library: they need the absolute path.
    printf 'export CGO_LDFLAGS=%q\n' "-L$link -Wl,-rpath,$out"
    ;;
  *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
