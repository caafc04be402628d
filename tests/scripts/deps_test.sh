#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/deps.sh, with programs of its own in place of apt-get, sudo and id, on several systems.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

program() { # NAME: its text is what comes in
    rm -f "$dir/bin/$1"
    { echo '#!/bin/sh' && cat; } >"$dir/bin/$1"
    chmod +x "$dir/bin/$1"
}

run() { # ID VERSION: deps.sh there; what it says and its exit status
    printf 'ID=%s\nVERSION_ID="%s"\n' "$1" "$2" >"$dir/os-release"
    rm -f "$dir/calls"
    said=$(PATH=$dir/bin OS_RELEASE=$dir/os-release scripts/deps.sh build 2>&1)
    rc=$?
}

expect() { # STATUS TEXT
    if [ "$rc" -ne "$1" ] || [[ $said != *"$2"* ]]; then
        printf 'line %s: exit %s, wanted %s with "%s", said: %s\n' "${BASH_LINENO[0]}" "$rc" "$1" "$2" "$said"
        bad=1
    fi
}

# A system that has all but protoc-c, which apt-get brings.
mkdir "$dir/bin"
for d in /usr/local/bin /usr/sbin /usr/bin /bin; do
    ln -s "$d"/* "$dir/bin/" 2>/dev/null
done
echo 'echo 0' | program id
program apt-get <<END
echo "\$*" >>$dir/calls
case "\$*" in *' install '*) ln -sf /bin/true $dir/bin/protoc-c ;; esac
END

run debian 12
expect 0 ''
if [ -n "$said" ] || [ -e "$dir/calls" ]; then
    echo "with every package there: said '$said', called $(cat "$dir/calls" 2>/dev/null)"
    bad=1
fi
for system in 'debian 12' 'debian 13' 'ubuntu 24.04'; do
    rm "$dir/bin/protoc-c"
    # shellcheck disable=SC2086
    run $system
    expect 0 'installing protobuf-c-compiler'
    grep -q 'install -y --no-install-recommends protobuf-c-compiler$' "$dir/calls" || {
        echo "$system: called $(cat "$dir/calls")"
        bad=1
    }
done

rm "$dir/bin/protoc-c"
run fedora 41
expect 1 'installed by hand, since only Debian 12, Debian 13 and Ubuntu 24.04 are known to this script: protobuf-c-compiler'
echo 'echo 1000' | program id
rm -f "$dir/bin/sudo"
run debian 12
expect 1 'run this as root: apt-get install --no-install-recommends protobuf-c-compiler'
echo "echo sudo >>$dir/calls; exec \"\$@\"" | program sudo
run debian 12
expect 0 'installing protobuf-c-compiler'
grep -q sudo "$dir/calls" || { echo 'sudo was not asked'; bad=1; }
rm "$dir/bin/protoc-c"
echo 'echo "E: no such package"; exit 100' | program apt-get
run debian 13
expect 1 'could not install protobuf-c-compiler'
exit $bad
