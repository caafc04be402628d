/* SPDX-License-Identifier: Apache-2.0 */
#include "demangle.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <libiberty/demangle.h>

/*
 * Substitutions let a mangled name of some hundred bytes stand for gigabytes of text, and libiberty
 * offers no way to stop it. So its streaming calls are used, which hold no memory of the result,
 * and are left with longjmp() when the buffer is full.
 */
struct output {
	char *buf;
	size_t n;
	bool full;
	jmp_buf leave;
};

#define PLACES_MAX (64 << 10) /* 1 MB */

static const char ellipsis[] = "...";

/* Cuts at @n or before, not inside a UTF-8 sequence, and says that something is missing. */
static void cut(char *buf, size_t n)
{
	while (n > 0 && ((unsigned char)buf[n] & 0xc0) == 0x80)
		n--;
	memcpy(buf + n, ellipsis, sizeof(ellipsis));
}

static bool is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

static void append(const char *s, size_t n, void *opaque)
{
	struct output *o = opaque;
	size_t room = DEMANGLE_OUT_MAX - 1 - o->n;

	if (n == 0) /* an empty Rust identifier comes as NULL */
		return;
	if (n > room) {
		n = room;
		o->full = true;
	}
	memcpy(o->buf + o->n, s, n);
	o->n += n;
	/*
	 * The one place where libiberty owns memory during a callback is a Rust identifier with
	 * letters outside ASCII: leaving there would leak. The separator that follows is ASCII.
	 */
	if (o->full && is_ascii(s, n))
		longjmp(o->leave, 1);
}

/* Whether @name can be one of Rust's: v0, or a legacy one with its hash, "17h" and 16 digits. */
static bool may_be_rust(const char *name)
{
	if (name[0] == '_' && name[1] == 'R')
		return true;
	/* To look for the one letter takes a fifth of what strstr() does. */
	for (const char *h = strchr(name, 'h'); h; h = strchr(h + 1, 'h'))
		if (h - name >= 2 && h[-2] == '1' && h[-1] == '7' &&
		    strspn(h + 1, "0123456789abcdef") >= 16)
			return true;
	return false;
}

/*
 * Lifts libiberty's bound of 1024 bytes of a name where that takes a bearable amount of stack. Nesting of
 * 4096 takes 1 MB; but there is also, for each template ('I') and each reference ('R', 'O'), each of which
 * counts twice, a place of 16 bytes.
 */
static int without_bound(const char *name)
{
	size_t templates = 0, references = 0;

	for (const char *p = name; *p; p++) {
		templates += *p == 'I';
		references += *p == 'R' || *p == 'O';
	}
	return templates * references <= PLACES_MAX / 4 ? DMGL_NO_RECURSE_LIMIT : 0;
}

/* Demangles @name, which begins as mangled names do. */
static bool run(const char *name, struct output *o)
{
	const int options = DMGL_PARAMS | DMGL_ANSI;
	bool ok;

	/* Rust first: its legacy names are valid C++ names with a hash at the end. */
	if (setjmp(o->leave) == 0) {
		ok = may_be_rust(name) && rust_demangle_callback(name, options, append, o);
		if (!ok && !o->full) {
			o->n = 0;
			ok = cplus_demangle_v3_callback(name, options | without_bound(name), append,
							o);
		}
		if (!ok)
			return false;
	}
	if (o->n == 0)
		return false;
	o->buf[o->n] = '\0';
	if (o->full)
		cut(o->buf, DEMANGLE_OUT_MAX - sizeof(ellipsis));
	return true;
}

/* Two hexadecimal digits as OCaml's compilers write them, -1 = something else. */
static int ocaml_byte(const char *s)
{
	static const char digits[] = "0123456789abcdef";
	const char *high = *s ? strchr(digits, s[0]) : NULL;
	const char *low = high && s[1] ? strchr(digits, s[1]) : NULL;

	return low ? (int)((high - digits) << 4 | (low - digits)) : -1;
}

/*
 * "camlStdlib__List__map_123": the path of a module, which begins with a capital, the function's name
 * and number; "__" ("." since 5.1) joins them, "$3c" stands for '<'. The result is never longer. The
 * compilers' asmcomp/compilenv.ml. A '_' that ends a function's name is not to be told from the half
 * of a "__" but by the number behind it.
 */
static bool run_ocaml(const char *name, struct output *o)
{
	const char *s = name + strlen("caml");

	if (strncmp(name, "caml", strlen("caml")) != 0 || !(*s >= 'A' && *s <= 'Z'))
		return false;
	while (*s) {
		int byte = s[0] == '$' ? ocaml_byte(s + 1) : -1;

		if (byte > ' ' && byte < 0x7f) {
			o->buf[o->n++] = (char)byte;
			s += 3;
		} else if (strncmp(s, "__", 2) == 0 && o->buf[o->n - 1] != '.' &&
			   s[2 + strspn(s + 2, "0123456789")]) {
			o->buf[o->n++] = '.';
			s += 2;
		} else {
			o->buf[o->n++] = *s++;
		}
	}
	o->buf[o->n] = '\0';
	return true;
}

/* Where a mangled name begins in @name ("__Z" and "___Z" occur with a prefixed underscore). */
static const char *mangled_part(const char *name)
{
	size_t under = strspn(name, "_");

	if (under >= 1 && under <= 4 && name[under] == 'Z')
		return name + under - 1;
	if (under == 1 && name[1] == 'R')
		return name;
	if (strncmp(name, "_GLOBAL_", 8) == 0)
		return name;
	return NULL;
}

bool demangle(const char *name, char buf[DEMANGLE_OUT_MAX])
{
	static const char plt[] = "@plt";
	struct output o = { .buf = buf };
	char stem[DEMANGLE_IN_MAX];
	size_t n = strnlen(name, DEMANGLE_IN_MAX), stem_n;
	const char *mangled;
	bool is_plt;

	if (n == 0 || n == DEMANGLE_IN_MAX)
		return false;
	stem_n = strcspn(name, "@");
	if (stem_n == 0)
		return false;
	is_plt = n - stem_n >= strlen(plt) && strcmp(name + n - strlen(plt), plt) == 0;
	memcpy(stem, name, stem_n);
	stem[stem_n] = '\0';
	mangled = mangled_part(stem);
	if (!(mangled ? run(mangled, &o) : run_ocaml(stem, &o))) {
		if (stem_n == n || (is_plt && stem_n + strlen(plt) == n))
			return false;
		memcpy(buf, stem, stem_n + 1);
		o.n = stem_n;
	}
	o.n = strlen(buf);
	if (is_plt && o.n + sizeof(plt) <= DEMANGLE_OUT_MAX)
		memcpy(buf + o.n, plt, sizeof(plt));
	return true;
}
