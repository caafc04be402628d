# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# wick doctor finds this kernel, its CPUs and what root may do on it.
wick doctor >out 2>err || fail_with "exit $? of wick doctor"
for fact in "kernel: $(uname -r)" 'cpus: 2 online' 'bpf_program: works' 'bpf_ring_buffer: works' \
    'bpf_stack_map: works' 'sampling: by c' 'kallsyms: addresses shown' 'cgroup_v2: /sys/fs/cgroup'; do
    grep -q -F "$fact" out || fail_with "wick doctor does not say '$fact'"
done
note "$(sed -nE '/ (kernel|btf|sampling): /s/^[a-z]+ +([^.]*[.]?[0-9]*).*/\1/p' out | tr '\n' ' ')"
