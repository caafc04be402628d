# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Hardly two stacks the same: collisions in the stack map and full maps lose nothing.
record -F 1999 -- /w/storm 1 4
stacks=$(wc -l <p.folded)
expect 'it is a storm' "$stacks > 0.4 * $(counted recorded)"
note "$stacks stacks of $(counted recorded) samples"
