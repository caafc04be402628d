/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON of a profile and that of a difference have in common; docs/report-json.md has it
 * all. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "funcname.h"

struct func;
struct profile;

#define JSON_SCHEMA   "wick.report/1"

/* Names are cut at so many bytes, in the middle. */
#define JSON_NAME_MAX 160

/* Value @type of a whole profile; as in struct textview. */
struct json_total {
	size_t type;
	int64_t total;
	uint64_t weight, n_stacks;
};

/* Writes "KEY":{…}: the value and its total, when and how it was recorded, the account. */
void json_write_measured(FILE *out, const char *key, const struct profile *p,
			 const struct json_total *t);

/* Writes the members that tell of @f, called @name: "function", "object", "file", "kind". No comma
 * at either end. */
void json_write_function(FILE *out, const struct profile *p, const struct func *f,
			 struct text name);

/* A string cut in the middle. */
void json_write_name(FILE *out, const char *s, size_t n);

/* @part in percent of @weight with two digits. */
void json_write_percent(FILE *out, int64_t part, uint64_t weight);
