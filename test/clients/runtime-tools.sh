#!/bin/bash
# The validation programs of the OCI's runtime-tools, built from Debian's source package with Debian's Go, with our runtime beside runc.
# docs/COMPATIBILITY.md lists those that pass with runc and not with ours: no others may be so, and those must not pass.
. "$(dirname "$0")/client.sh"
need golang-go runc dpkg-dev golang-github-opencontainers-specs-dev golang-github-opencontainers-runtime-tools-dev \
  golang-github-google-uuid-dev golang-github-hashicorp-go-multierror-dev golang-github-mrunalp-fileutils-dev \
  golang-github-blang-semver-dev golang-github-sirupsen-logrus-dev golang-github-urfave-cli-dev \
  golang-github-xeipuuv-gojsonschema-dev golang-golang-x-sys-dev golang-github-opencontainers-selinux-dev

# The programs leave containers and mounts behind when a test of theirs fails. Their bundles are all below one directory.
tidy() {
  for runtime in runc "$runsc"; do
    for id in $("$runtime" list 2> /dev/null | awk -v place="$scratch/bundles/" 'index($0, place) { print $1 }'); do
      "$runtime" delete --force "$id"
    done
  done
  awk -v place="$scratch/" 'index($2, place) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l
  rm -rf "$scratch/bundles"/*
}
trap 'tidy; rm -rf "$scratch"' EXIT
suite=trixie
package=golang-github-opencontainers-runtime-tools

# The package of binaries has no validation programs: their source is asked of the mirror that this host uses.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$scratch/sources.list"
mkdir -p "$scratch/bundles" "$scratch/lists/partial" "$scratch/cache" "$scratch/source" "$scratch/bin"
apt=(apt-get -q -o "Dir::Etc::SourceList=$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
(cd "$scratch/source" && "${apt[@]}" source --download-only "$package") >> "$scratch/log" 2>&1
# The description of the package may be gone from a mirror that has the tarball.
tar -C "$scratch/source" -xf "$scratch"/source/*.orig.tar.* || { cat "$scratch/log" >&2; exit 1; }
source=$(echo "$scratch"/source/*/)

gopath=$scratch/go/src/github.com
mkdir -p "$gopath/opencontainers" "$gopath/mndrix/tap-go"
ln -s "${source%/}" "$gopath/opencontainers/runtime-tools"
cp "$here/runtime-tools/tap.go" "$gopath/mndrix/tap-go/"
export GO111MODULE=off GOPATH=$scratch/go:/usr/share/gocode GOCACHE=$scratch/go-cache
cd "$gopath/opencontainers/runtime-tools" || exit 1
go build -tags 'netgo osusergo' -ldflags '-extldflags -static' -o "$scratch/bin/runtimetest" ./cmd/runtimetest || exit 1
go build -o "$scratch/bin/" ./validation/... || exit 1
cp rootfs-amd64.tar.gz "$scratch/bin/"
cd "$scratch/bin" || exit 1

# verdict RUNTIME PROGRAM: pass, or what keeps it from that. What the programs mark as known to fail does not count.
verdict() {
  TMPDIR=$scratch/bundles RUNTIME=$1 timeout -k 5 120 "./$2" > "$scratch/out" 2> "$scratch/err" < /dev/null
  status=$?
  tidy > /dev/null 2>&1
  [ $status = 0 ] || { echo "status $status"; return; }
  failed_tests=$(grep -o '\(^\|\\n\)not ok [^\\]*' "$scratch/out" | grep -vc '# TODO')
  [ "$failed_tests" = 0 ] && echo pass || echo "$failed_tests failed"
}

documented=$(sed -n '/^## Validation of runtimes/,/^## /s/^| `\([a-z_]*\)` .*/\1/p' "$here/../../docs/COMPATIBILITY.md")
worse=
better=
for name in *; do
  [ -x "$name" ] && [ "$name" != runtimetest ] || continue
  with_runc=$(verdict runc "$name")
  ours=$(verdict "$runsc" "$name")
  printf '%-36s runc: %-12s ours: %s\n' "$name" "$with_runc" "$ours"
  is_documented=$(echo "$documented" | grep -cx "$name")
  [ "$with_runc" = pass ] && [ "$ours" != pass ] && [ "$is_documented" = 0 ] && worse="$worse $name"
  [ "$ours" = pass ] && [ "$is_documented" = 1 ] && better="$better $name"
done
check 'what passes with runc passes with ours, but for what is documented' '' "$worse"
check 'what is documented as different is different' '' "$better"
finish
