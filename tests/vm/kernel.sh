#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kernel.sh RELEASE: prints the path of Debian's own kernel of that release (5.10, 6.1 or 6.12) for
# virtual machines. It is fetched once, through apt, from the mirror that this system's own sources
# name (DEBIAN_MIRROR=URL names another), with an apt configuration of its own: the system's package
# lists stay as they are. Exit 77 and one sentence when it cannot be had.
set -u
cd "$(dirname "$0")/../.." || exit 1
release=${1:?usage: kernel.sh RELEASE}
package=linux-image-cloud-amd64
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
dir=$PWD/build/vm/kernel/$release

unavailable() {
    echo "kernel $release: $*"
    exit 77
}

case $release in
5.10) suite=bullseye ;;
6.1) suite=bookworm ;;
6.12) suite=trixie ;;
*) unavailable 'no Debian release is known to have it; 5.10, 6.1 and 6.12 are known' ;;
esac
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
if [ -e "$dir/vmlinuz" ]; then
    echo "$dir/vmlinuz"
    exit
fi
command -v apt-get dpkg-deb >/dev/null || unavailable 'there is no apt here to fetch it with'
[ -e $keyring ] || unavailable 'the package debian-archive-keyring is not installed'

# The mirror's address: what stands before /dists/SUITE/ in the addresses that apt would update from.
mirror_of() { # PATTERN OF SUITES
    apt-get --print-uris update 2>/dev/null |
        sed -nE "s#^'([^']*)/dists/($1)/InRelease'.*#\\1#p" | sed -n 1p
}
names='bullseye|bookworm|trixie|forky|sid|oldoldstable|oldstable|stable|testing|unstable'
mirror=${DEBIAN_MIRROR:-$(mirror_of "$names")}
[ -n "$mirror" ] || unavailable 'the apt sources of this system name no Debian mirror; set DEBIAN_MIRROR'
security=$(mirror_of "($names)-security")
[ -z "${DEBIAN_MIRROR:-}" ] && [ -n "$security" ] || security=${mirror%/}-security

work=$dir/work
log=$dir/apt.log
rm -rf "$work"
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/parts"
trap 'rm -rf "$work"' EXIT
here() { # COMMAND...: apt with nothing of this system's but its proxies and the like
    local tool=$1
    shift
    LC_ALL=C "$tool" -qq -o Dir::State="$work/state" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/sources.list" \
        -o Dir::Etc::sourceparts="$work/parts" -o Dir::Etc::preferences=/dev/null \
        -o Dir::Etc::preferencesparts="$work/parts" -o APT::Architecture=amd64 \
        -o APT::Architectures::=amd64 -o Acquire::Retries=2 "$@" 2>>"$log"
}
update() { # SUITE...: its lists; false when one of them cannot be had
    local s url
    for s; do
        case $s in *-security) url=$security ;; *) url=$mirror ;; esac
        echo "deb [arch=amd64 lang=none target=Packages signed-by=$keyring] $url $s main"
    done >"$work/sources.list"
    here apt-get -o APT::Update::Error-Mode=any update >>"$log"
}
trouble() { # the first error in the log, in one line
    grep -m 1 '^E: ' "$log" | cut -c 1-200
}

: >"$log"
# A suite that ended is served for years without its updates.
update "$suite" "$suite-security" || update "$suite-security" || update "$suite" ||
    unavailable "apt found no $suite on the mirror: $(trouble)"
image=$(here apt-cache depends "$package" | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | sed -n 1p)
[ -n "$image" ] || unavailable "$suite on the mirror has no $package"
(cd "$work" && here apt-get download "$image" >>"$log") ||
    unavailable "$image could not be fetched: $(trouble)"
dpkg-deb --fsys-tarfile "$work/$image"_*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz-*' 2>>"$log" ||
    unavailable "$image has no kernel in it"
basename "$work"/boot/vmlinuz-* >"$dir/name"
mv "$work"/boot/vmlinuz-* "$dir/vmlinuz"
echo "$dir/vmlinuz"
