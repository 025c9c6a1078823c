#!/usr/bin/env bash
# Installs the object stores and the web server that tests/test_stores.py reads from, and rustac, whose STAC API
# server and client tests/test_rustac.py asks, into build/test-servers.
# What cannot be installed is left out, which is said here and by the tests that need it.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$PWD/build/test-servers
versitygw=github.com/versity/versitygw/cmd/versitygw@v1.8.0
fake_gcs=github.com/fsouza/fake-gcs-server@v1.56.1
azurite=azurite@3.37.0
rustac='rustac[arrow]==0.9.15'
duckdb=1.5.4 # that rustac is built with
mkdir -p "$folder"
log=$folder/install.log
: >"$log"

left_out() { echo "== LEFT OUT: $1 cannot be installed; see build/test-servers/install.log"; }

as_root=''
[ "$(id -u)" = 0 ] || as_root='sudo -n'

debian() { # without root, and on other systems, these may be missing
  command -v apt-get >/dev/null || return 1
  $as_root apt-get update -qq >>"$log" 2>&1
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$log" 2>&1
}

from_go() { # name, module
  [ -x "$folder/$1" ] && return
  echo "== building $1 (once, some minutes)"
  GOFLAGS='' CGO_ENABLED=0 GOBIN=$folder go install "$2" >>"$log" 2>&1 || left_out "$1"
}

from_npm() {
  [ -f "$folder/azurite/node_modules/azurite/dist/src/blob/main.js" ] && return
  command -v npm >/dev/null && command -v node >/dev/null || debian nodejs npm
  echo '== installing azurite'
  npm install --silent --no-audit --no-fund --prefix "$folder/azurite" "$azurite" >>"$log" 2>&1 || left_out azurite
}

from_debian() { # unpacked, not installed: an installed nginx would start to serve
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || [ -x "$folder/nginx" ] && return
  echo '== unpacking nginx'
  local work
  work=$(mktemp -d)
  (cd "$work" && { apt-get download nginx || { $as_root apt-get update -qq && apt-get download nginx; }; } >>"$log" 2>&1 && dpkg -x nginx*.deb . && cp usr/sbin/nginx "$folder/nginx") &&
    "$folder/nginx" -v >>"$log" 2>&1 || { rm -f "$folder/nginx"; left_out nginx; }
  rm -rf "$work"
}

from_pypi() { # an environment of its own, and a home with DuckDB's extensions, which may not be downloaded later
  [ -f "$folder/rustac/ready" ] && return
  echo '== installing rustac'
  local python=.venv/bin/python extensions
  [ -x "$python" ] || python=python3
  extensions=$folder/rustac/home/.duckdb/extensions/v$duckdb/linux_amd64
  {
    rm -rf "$folder/rustac" && "$python" -m venv "$folder/rustac" && "$folder/rustac/bin/pip" install -q "$rustac" \
      "duckdb-extension-spatial==$duckdb" "duckdb-extension-icu==$duckdb" "duckdb-extension-parquet==$duckdb" &&
      mkdir -p "$extensions" && find "$folder/rustac/lib" -name '*.duckdb_extension' -exec cp {} "$extensions" \; &&
      touch "$folder/rustac/ready"
  } >>"$log" 2>&1 || left_out rustac
}

from_go versitygw "$versitygw"
from_go fake-gcs-server "$fake_gcs"
from_npm
from_debian
from_pypi
