/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a sample beside its stack, and which of it splits the counts. Samples that agree
 * in stack, event and the labels that split are one row; the other labels stay on the row as long
 * as all of its samples have the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * X(NAME, "key", is a number, splits of the process): the key in profiles, where a number's unit is
 * called like it. "Of the process" is what a process has all its life, as far as profiles go: who
 * splits by process splits by all of that.
 */
#define LABELS(X)                                   \
	X(PID, "pid", true, true)                   \
	X(TID, "tid", true, false)                  \
	X(COMM, "comm", false, true)                \
	X(THREAD_COMM, "thread_comm", false, false) \
	X(EXECUTABLE, "executable", false, true)    \
	X(PPID, "ppid", true, true)                 \
	X(PARENT_COMM, "parent_comm", false, true)  \
	X(UID, "uid", true, true)                   \
	X(CGROUP, "cgroup", false, true)            \
	X(CONTAINER, "container_id", false, true)   \
	X(POD, "pod_uid", false, true)              \
	X(UNIT, "unit", false, true)                \
	X(SLICE, "slice", false, true)              \
	X(TIME, "time", true, false)                \
	X(ATTRS, "", false, true)

enum label {
#define LABEL_ENUM(name, key, is_num, of_process) LABEL_##name,
	LABELS(LABEL_ENUM)
#undef LABEL_ENUM
		LABEL_MAX,
};

#define LABEL_NONE UINT32_MAX /* no such label, or not the same for all */

/*
 * One value a label: numbers as they are, strings by their number in the aggregate's table,
 * LABEL_TIME as the number of the window since the start, LABEL_ATTRS as a set of the aggregate's
 * attributes.
 */
struct label_set {
	uint32_t v[LABEL_MAX];
};

/* Without any label. */
void label_set_clear(struct label_set *s);

/* Key of @l in profiles, and whether it is a number. Of LABEL_ATTRS there are several keys: "". */
const char *label_key(enum label l);
bool label_is_number(enum label l);

/* The label with @key in profiles, LABEL_MAX when there is none. */
enum label label_by_key(const char *key);

/* Bit l of a mask: label l splits. */
#define LABEL_BIT(l) (1u << (l))

/* What splits when nobody chose: threads. */
uint32_t labels_default_split(void);

/*
 * Adds to *@mask what each word of the comma list @text splits by: process, thread, container,
 * cgroup, comm, uid, time. 0, or -EINVAL with a sentence.
 */
int labels_parse_split(const char *text, uint32_t *mask, struct err *e);

/* @s with the labels of @mask alone. */
struct label_set label_set_masked(const struct label_set *s, uint32_t mask);
