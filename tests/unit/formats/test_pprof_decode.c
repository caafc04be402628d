/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "made_profile.h"
#include "pprof.h"
#include "protowire.h"

static const char *const strings[] = { "samples", "count", "f", "key", "value", "/bin/f", NULL };

/* A profile of one sample as some other producer would write it: sparse ids, no packing, strings
 * last. */
static void foreign(struct buffer *b)
{
	struct buffer s = { 0 }, l = { 0 };

	wire_int(b, 9, 1234);
	wire_int(&s, 1, 1ull << 40); /* location ids one by one */
	wire_int(&s, 1, 77);
	wire_int(&s, 2, 5);
	wire_message(&s, 3, (uint64_t[]){ 1, 4, 2, 5, 0, 0 });
	wire_message(&s, 3, (uint64_t[]){ 1, 4, 3, 9, 0, 0 });
	wire_bytes(b, 2, s.items, s.n);
	wire_int(&l, 1, 77);
	wire_int(&l, 2, 500);
	wire_int(&l, 3, 0x1234);
	wire_message(&l, 4, (uint64_t[]){ 1, 9000, 2, 12, 0, 0 });
	wire_bytes(b, 4, l.items, l.n);
	wire_pairs(b, 4, 1, 1ull << 40, 3, 0x5678);
	wire_pairs(b, 5, 1, 9000, 2, 3);
	wire_pairs(b, 3, 1, 500, 2, 0x1000, 3, 0x2000, 5, 6);
	wire_pairs(b, 1, 1, 1, 2, 2);
	wire_int(b, 13, 3); /* comments: one by one, then packed */
	wire_bytes(b, 13, "\x04\x05", 2);
	wire_int(b, 99, 7); /* unknown */
	wire_strings(b, strings);
	array_free(&s);
	array_free(&l);
}

static struct profile *decode(const struct buffer *b)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(pprof_decode(b->items, b->n, &p, &e), 0, "%s", e.text);
	cr_assert_eq(profile_check(p), 0);
	return p;
}

/* @b must be refused with a sentence that holds @why. */
static void refused(const struct buffer *b, const char *why)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(pprof_decode(b->items, b->n, &p, &e), -EBADMSG, "wanted: %s", why);
	cr_assert_null(p);
	cr_assert(strstr(e.text, why), "'%s' does not say '%s'", e.text, why);
}

#define text(id) strtab_get(&p->strings, (id))

Test(pprof_decode, reads_any_order_sparse_ids_and_unpacked_numbers)
{
	struct buffer b = { 0 };
	struct profile *p;

	foreign(&b);
	p = decode(&b);
	cr_assert_eq(p->samples.n, 1);
	cr_assert_eq(p->samples.items[0].loc_n, 2);
	cr_assert_eq(p->locations.items[p->stacks.items[0]].address, 0x5678);
	cr_assert_eq(p->locations.items[p->stacks.items[0]].mapping, PROFILE_NONE);
	cr_assert_eq(p->locations.items[p->stacks.items[1]].mapping, 0);
	cr_assert_eq(p->lines.items[0].line, 12);
	cr_assert_str_eq(text(p->functions.items[0].name), "f");
	cr_assert_str_eq(text(p->mappings.items[0].file), "/bin/f");
	cr_assert_eq(profile_value(p, 0, 0), 5);
	cr_assert_eq(p->time_ns, 1234);
	cr_assert_eq(p->comments.n, 3);
	cr_assert_str_eq(text(p->comments.items[2]), "value");
	cr_assert_eq(p->labels.n, 2);
	cr_assert_str_eq(text(p->labels.items[0].str), "value");
	cr_assert(p->labels.items[1].is_num && p->labels.items[1].num == 9);
	profile_free(p);
	array_free(&b);
}

Test(pprof_decode, takes_an_unknown_mapping_for_none)
{
	struct buffer b = { 0 };
	struct profile *p;

	wire_strings(&b, strings);
	wire_pairs(&b, 4, 1, 1, 2, 42, 3, 0x10);
	p = decode(&b);
	cr_assert_eq(p->locations.items[0].mapping, PROFILE_NONE);
	profile_free(p);
	array_free(&b);
}

Test(pprof_decode, drops_labels_that_say_nothing)
{
	struct buffer b = { 0 }, s = { 0 };
	struct profile *p;

	wire_int(&s, 2, 1);
	wire_pairs(&s, 3, 1, 4);	     /* a key only */
	wire_pairs(&s, 3, 2, 5);	     /* no key */
	wire_pairs(&s, 3, 1, 4, 4, 5);	     /* number 0 with a unit */
	wire_pairs(&s, 3, 1, 4, 2, 5, 3, 8); /* string and number: the string counts */
	wire_pairs(&b, 1, 1, 1, 2, 2);
	wire_bytes(&b, 2, s.items, s.n);
	wire_strings(&b, strings);
	p = decode(&b);
	cr_assert_eq(p->labels.n, 2);
	cr_assert(p->labels.items[0].is_num && p->labels.items[0].num_unit);
	cr_assert(!p->labels.items[1].is_num && p->labels.items[1].num == 0);
	profile_free(p);
	array_free(&b);
	array_free(&s);
}

Test(pprof_decode, keeps_strings_that_are_no_utf8)
{
	struct buffer b = { 0 };
	struct profile *p;

	wire_text(&b, 6, "");
	wire_text(&b, 6, "caf\xe9");
	wire_pairs(&b, 5, 1, 1, 2, 1);
	p = decode(&b);
	cr_assert_str_eq(text(p->functions.items[0].name), "caf\xe9");
	profile_free(p);
	array_free(&b);
}

Test(pprof_decode, takes_a_time_before_1970_for_unknown)
{
	struct buffer b = { 0 };
	struct profile *p;

	wire_int(&b, 9, (uint64_t)-5);
	wire_strings(&b, strings);
	p = decode(&b);
	cr_assert_eq(p->time_ns, 0);
	profile_free(p);
	array_free(&b);
}

Test(pprof_decode, sniffs_every_field_that_may_be_first)
{
	static const char first[] =
		"\x0a\x12\x1a\x22\x2a\x32\x38\x40\x48\x50\x5a\x60\x68\x6a\x70\x78";

	cr_assert_not(pprof_sniff("", 0));
	for (int tag = 0; tag < 256; tag++)
		cr_assert_eq(pprof_sniff(&(char){ (char)tag }, 1),
			     tag != 0 && strchr(first, tag) != NULL, "tag %#x", (unsigned)tag);
}

Test(pprof_decode, refuses_every_prefix_that_is_no_profile)
{
	struct profile *p = random_profile(11, 40);
	struct buffer b = { 0 };
	struct sink out = buffer_sink(&b);
	size_t accepted = 0;

	cr_assert_eq(pprof_encode(p, &out), 0);
	for (size_t n = 0; n < b.n; n++) {
		struct profile *part = NULL;
		struct err e = { 0 };
		int r = pprof_decode(b.items, n, &part, &e);

		if (r == 0) { /* cut between two fields of the header */
			accepted++;
			cr_assert_eq(profile_check(part), 0);
			profile_free(part);
		} else {
			cr_assert_eq(r, -EBADMSG);
			cr_assert(e.text[0]);
		}
	}
	cr_assert_lt(accepted, 20);
	array_free(&b);
	profile_free(p);
}

/* One test for each reason: the steps that add to the bytes, then the words to look for. */
#define refuses(name, why, ...)                       \
	Test(pprof_decode, refuses_##name)            \
	{                                             \
		struct buffer buf = { 0 }, *b = &buf; \
                                                      \
		__VA_ARGS__;                          \
		refused(b, why);                      \
		array_free(b);                        \
	}

#define table wire_strings(b, strings)

refuses(nothing, "no string table",
	(void)b) refuses(a_table_without_the_empty_string, "begin with the empty string",
			 wire_text(b, 6, "x")) refuses(an_id_0, "reserved id 0",
						       (table, wire_pairs(b, 3, 2, 1)))
	refuses(a_mapping_twice, "two mappings have the id 1",
		(table, wire_pairs(b, 3, 1, 1),
		 wire_pairs(b, 3, 1,
			    1))) refuses(a_sparse_function_twice, "two functions have the same id",
					 (table, wire_pairs(b, 5, 1, 100),
					  wire_pairs(b, 5, 1,
						     100))) refuses(a_location_twice,
								    "two locations have the id 2",
								    (table, wire_pairs(b, 4, 1, 2),
								     wire_pairs(b, 4, 1, 2)))
		refuses(a_missing_function, "refers to function 5, which is not there",
			(table,
			 wire_bytes(b, 4, "\x08\x01\x22\x02\x08\x05",
				    6))) refuses(a_line_without_function, "refers to function 0",
						 (table,
						  wire_bytes(b, 4, "\x08\x01\x22\x00",
							     4))) refuses(a_missing_location,
									  "refers to location 3, which is not there",
									  (table,
									   wire_pairs(b, 1, 1, 1),
									   wire_pairs(b, 2, 1, 3, 2, 1)))
			refuses(a_location_0, "refers to location 0",
				(table, wire_pairs(b, 1, 1, 1),
				 wire_bytes(b, 2, "\x08\x00\x10\x01",
					    4))) refuses(too_few_values,
							 "0 values where there are 1 sample types",
							 (table, wire_pairs(b, 1, 1, 1),
							  wire_bytes(b, 2, "", 0)))
				refuses(too_many_values, "2 values where there are 1 sample types",
					(table, wire_pairs(b, 1, 1, 1),
					 wire_pairs(b, 2, 2, 1, 2,
						    1))) refuses(samples_without_types,
								 "does not say what they count",
								 (table, wire_bytes(b, 2, "", 0)))
					refuses(a_string_past_the_table, "string 7 of 7", (table, wire_int(b, 13, 7))) refuses(
						a_negative_string, "string -1 of 7",
						(table,
						 wire_int(b,
							  14, UINT64_MAX))) refuses(two_files_in_one,
										    "several profiles one after another",
										    (table,
										     wire_int(b, 9, 5),
										     wire_int(b, 9, 6)))
						refuses(a_wrong_type, "field 9 has the wrong type", (table, wire_text(b, 9, "x"))) refuses(
							a_sub_message_that_is_a_number,
							"field 3 has the wrong type",
							(table,
							 wire_int(
								 b,
								 3, 1))) refuses(a_malformed_sub_message,
										 "a Mapping in it is malformed",
										 (table,
										  wire_bytes(b, 3, "\xff",
											     1)))
							refuses(malformed_comments,
								"comments are malformed",
								(table,
								 wire_bytes(
									 b,
									 13, "\x80",
									 1))) refuses(a_group,
										      "no protobuf field",
										      (table, buffer_add(
												      b,
												      "\x0b\x0c",
												      2)))
								refuses(a_field_0,
									"no protobuf field",
									(table,
									 buffer_add(
										 b,
										 "\x00\x00",
										 2))) refuses(a_length_past_the_end,
											      "no protobuf field",
											      (table, buffer_add(
													      b,
													      "\x12\x7f",
													      2)))
									refuses(a_huge_length,
										"no protobuf field",
										(table,
										 buffer_add(
											 b,
											 "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
											 11)))
										refuses(an_endless_varint,
											"no protobuf field",
											(table,
											 buffer_add(
												 b,
												 "\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
												 13)))
											refuses(a_cut_fixed64,
												"no protobuf field",
												(table,
												 buffer_add(
													 b,
													 "\x99\x06xxxx",
													 6)))
