# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# -e page-faults -c 1: one sample a fault. Starting the program takes some, too.
record -e page-faults -c 1 -- /w/faults 2000 2
touched=$(said touched)
expect 'a sample a fault' "$(samples faults) >= $touched && $(samples faults) < $touched + 400"
note "$touched faults, $(samples faults) samples, $(within faults touch_pages) in touch_pages"
