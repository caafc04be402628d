# SPDX-License-Identifier: Apache-2.0
# Takes the directives of a chain file out of a program's comments; a \ at the end of a line joins.
{
	sub(/^[ \t]*(\*|\/\/|#)[ \t]*/, "")
	if (joined == "" && $0 !~ /^(chain|may|own|outside|comm|root [a-z]+|limit [a-z]+): /)
		next
	sub(/^[ \t]+/, "")
	joined = joined $0
	if (!sub(/\\$/, "", joined)) {
		print joined
		joined = ""
	}
}
