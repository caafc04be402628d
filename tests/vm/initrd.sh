#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# initrd.sh FILE WICK PROGRAM...: the file system that a virtual machine starts with: busybox, wick and
# the programs with the shared libraries of this system that they need, and the guest's side of the
# tests. Programs go to /w, since the guest's shell would take /bin/split for the one in busybox; the
# corpus goes to /c, if VM_CORPUS names its folder and VM_CORPUS_CHECK the program that judges it.
set -eu
cd "$(dirname "$0")/../.."
out=${1:?usage: initrd.sh FILE WICK PROGRAM...}
wick=${2:?usage: initrd.sh FILE WICK PROGRAM...}
shift 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

libraries() { # FILE...: of those that are linked dynamically
    local f
    for f; do
        ldd "$f" 2>/dev/null || true
    done | sed -nE 's#^([^/]* => )?\s*(/[^ ]*) \(0x.*#\2#p' | sort -u
}

chmod 755 "$root"
mkdir -p "$root"/{bin,sbin,etc,proc,sys,dev,tmp,root,w,vm/guest}
install -m 0755 "$(command -v busybox)" "$root/bin/busybox"
"$root/bin/busybox" --install "$root/bin"
install -m 0755 "$wick" "$root/bin/wick"
for p; do
    install -m 0755 "$p" "$root/w/"
done
corpus=()
if [ -n "${VM_CORPUS:-}" ]; then
    mkdir "$root/c"
    mapfile -t corpus < <(find "$VM_CORPUS" "$VM_CORPUS_CHECK" -maxdepth 1 -type f -perm -u+x)
    cp "${corpus[@]}" "$VM_CORPUS"/*.chain "$root/c/"
    find "$VM_CORPUS" -maxdepth 1 -name '*.skip' -exec cp {} "$root/c/" \;
    # ldd does not know this one's libraries: the loader is all there is.
    musl=/lib/ld-musl-x86_64.so.1
    [ ! -e $musl ] || install -D -m 0755 "$(readlink -f $musl)" "$root$musl"
fi
libraries "$wick" "$@" "${corpus[@]}" | while read -r l; do
    install -D -m 0755 "$(readlink -f "$l")" "$root$l"
done
install -m 0755 tests/vm/init.sh "$root/init"
install -m 0644 tests/vm/lib.sh "$root/vm/"
install -m 0644 tests/vm/guest/*.sh "$root/vm/guest/"
echo 'root:x:0:0::/root:/bin/sh
user:x:1000:1000::/tmp:/bin/sh' >"$root/etc/passwd"
(cd "$root" && find . | LC_ALL=C sort | busybox cpio -o -H newc -R 0:0 2>/dev/null) | gzip -1 >"$out.new"
mv "$out.new" "$out"
