#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the path of a bpftool that runs. Debian puts it in /usr/sbin; Ubuntu's /usr/sbin/bpftool is a
# wrapper that wants the running kernel's tools, so any installed kernel's own copy will do instead.
for t in bpftool /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool; do
    if "$t" version >/dev/null 2>&1; then
        command -v "$t"
        exit 0
    fi
done
echo bpftool
