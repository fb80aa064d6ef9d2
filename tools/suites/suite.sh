#!/bin/sh
# Builds and tests what is committed in a root file system of another Debian suite.
#
#   tools/suites/suite.sh trixie                              # README's test command
#   tools/suites/suite.sh sid --root=/var/tmp/sid -- 'cd examples/monorepo && bazel test //...'
#
# Needs root, debootstrap and a mirror of Debian (--mirror=URL; by default the one of apt's sources). The file system is
# --root=DIR, by default /var/tmp/pare-suites/SUITE, several GB with what is built; it is kept, and used again. bazelw
# installs the suite's packages in it. Bazel 7 and newer read MODULE.bazel, with a registry of the modules that the suite
# packages (local_registry.py).
# Prints the versions of what counts, the command's last lines, and ends with its exit status; all of its output is
# DIR/pare.log.
set -eu

usage() {
  echo "usage: $0 SUITE [--root=DIR] [--mirror=URL] [-- COMMAND]" >&2
  exit 2
}

[ $# -ge 1 ] || usage
suite=$1
shift
root=/var/tmp/pare-suites/$suite
# The one that this machine has its own packages from.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2> /dev/null | grep -v security | head -n 1)
command='./bazelw test //...'
while [ $# -gt 0 ]; do
  case $1 in
    --root=*) root=${1#--root=} ;;
    --mirror=*) mirror=${1#--mirror=} ;;
    --) shift; command=$*; break ;;
    *) usage ;;
  esac
  shift
done
if [ "$(id -u)" != 0 ]; then
  echo "suite.sh: chroot needs root" >&2
  exit 1
fi
if [ -z "$mirror" ]; then
  echo "suite.sh: no mirror of Debian is known: --mirror=URL" >&2
  exit 1
fi
if ! command -v debootstrap > /dev/null; then
  echo "suite.sh: debootstrap is missing: apt-get install debootstrap" >&2
  exit 1
fi
checkout=$(cd "$(dirname "$0")/../.." && pwd)

if [ ! -e "$root/usr/bin/apt-get" ]; then
  mkdir -p "$root"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" > "$root.debootstrap.log" 2>&1 ||
    { tail -n 20 "$root.debootstrap.log" >&2; exit 1; }
  # No package starts a service in it, and a mirror may be one of an older day.
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  echo 'Acquire::Check-Valid-Until "false";' > "$root/etc/apt/apt.conf.d/99pare"
fi

mounted=""
unmount() {
  for folder in $mounted; do umount "$folder" || true; done
}
trap unmount EXIT
trap 'exit 130' INT TERM
mountpoint -q "$root/proc" || { mount -t proc proc "$root/proc" && mounted="$root/proc"; }
mountpoint -q "$root/dev/shm" || { mount -t tmpfs tmpfs "$root/dev/shm" && mounted="$mounted $root/dev/shm"; }

if mountpoint -q "$root/pare"; then
  echo "suite.sh: $root/pare is a mount point, and would be emptied: unmount it" >&2
  exit 1
fi
rm -rf "$root/pare"
mkdir "$root/pare"
git -C "$checkout" archive HEAD | tar x -C "$root/pare"

inside() {
  chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -c "cd /pare && $1"
}

# Installs what is missing.
inside './bazelw --batch help > /dev/null'
rm -rf "$root/pare.registry" "$root/root/.bazelrc"
if [ -e "$root/usr/share/bazel/embedded_tools/MODULE.bazel" ]; then
  inside 'python3 tools/suites/local_registry.py --output=/pare.registry MODULE.bazel examples/monorepo/MODULE.bazel'
  echo 'common --registry=file:///pare.registry --lockfile_mode=off' > "$root/root/.bazelrc"
fi

echo "$suite:"
inside "dpkg-query -W -f '  \${Package} \${Version}\n' bazel-bootstrap g++ libtorch-dev libabsl-dev libhwy-dev libonnx-dev \
  libprotobuf-dev nlohmann-json3-dev libgtest-dev libvulkan-dev glslang-tools spirv-tools mesa-vulkan-drivers"
echo "\$ $command"
status=0
inside "$command" > "$root/pare.log" 2>&1 || status=$?
inside 'bazel shutdown' > /dev/null 2>&1 || true
tail -n 12 "$root/pare.log"
echo "passed: $(grep -cE '^//.* PASSED in ' "$root/pare.log"), failed: $(grep -cE '^//.* (FAILED|TIMEOUT|NO STATUS)' "$root/pare.log")"
exit "$status"
