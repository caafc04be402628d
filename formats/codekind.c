/* SPDX-License-Identifier: Apache-2.0 */
#include "codekind.h"

#include <string.h>

#include "array.h"

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* perf writes modules as "[name]"; so it does with other code that only looks like a file. */
bool file_is_kernel(const char *file)
{
	static const char *const user[] = {
		"[vdso",    "[vsyscall", "[vvar",    "[heap",	 "[stack", "[anon",
		"[uprobes", "[sigpage",	 "[vectors", "[unknown", "[lost", /* of perf_to_profile:
									     samples, not code */
	};
	static const char *const module[] = { ".ko", ".ko.gz", ".ko.xz", ".ko.zst" };

	if (has_prefix(file, "[kernel") || has_prefix(base_name(file), "vmlinux"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(module); i++)
		if (has_suffix(file, module[i]))
			return true;
	if (file[0] != '[' || !has_suffix(file, "]"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(user); i++)
		if (has_prefix(file, user[i]))
			return false;
	return true;
}

bool file_is_jit(const char *file)
{
	const char *base = base_name(file);

	return has_prefix(file, "//anon") || has_prefix(file, "[anon") ||
	       (has_prefix(base, "perf-") && has_suffix(base, ".map") &&
		strlen(base) > strlen("perf-.map"));
}
