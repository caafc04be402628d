# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Stacks of which the kernel is replacing a page after fork(2), one in 30 of those ticks, are read
# where that page was.
record -F 1999 -- /w/lives shares 6
replacing=$(sum lives '/;do_wp_page_\[k\]|;wp_page_copy_\[k\]/')
unread=$(sum lives '/;\[truncated: the user stack could not be read\]/')
enough "$replacing" 100
expect 'none is cut' "$unread == 0"
note "$replacing samples while a page was replaced, $unread could not be read"
