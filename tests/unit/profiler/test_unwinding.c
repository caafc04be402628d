/* SPDX-License-Identifier: Apache-2.0 */
/* On this very process; the sampler is a fake of three functions (linked with --wrap). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocfail.h"
#include "cleanup.h"
#include "clock.h"
#include "objtab.h"
#include "proctab.h"
#include "residency.h"
#include "sampler.h"
#include "tableload.h"
#include "unwinding.h"

#define WORDS	(8u << 20)
#define TABLES	64
#define AREAS	4096
#define WAIT_MS 20000

/* How tables are asked for at first. */
static const struct unwind_opts at_first = { .code = UNWIND_CODE_LATER };

/* What the sampler was told. */
static struct residency_memory memory;
static struct wire_space told;	     /* of this process */
static struct wire_space told_other; /* of the last other one */
static bool is_told;
static int set_space_result;
static unsigned asked; /* tables */

void __wrap_sampler_unwind_memory(const struct sampler *s, struct residency_memory *ret);
int __wrap_sampler_set_space(struct sampler *s, uint32_t tgid, const struct wire_space *space);
void __wrap_sampler_drop_space(struct sampler *s, uint32_t tgid);
int __wrap_tableload_ask(struct tableload *l, uint32_t id, int fd, bool with_code);
int __real_tableload_ask(struct tableload *l, uint32_t id, int fd, bool with_code);

void __wrap_sampler_unwind_memory(const struct sampler *s, struct residency_memory *ret)
{
	(void)s;
	*ret = memory;
}

int __wrap_sampler_set_space(struct sampler *s, uint32_t tgid, const struct wire_space *space)
{
	(void)s;
	if (set_space_result < 0)
		return set_space_result;
	if (tgid != (uint32_t)getpid()) {
		told_other = *space;
		return 0;
	}
	told = *space;
	is_told = true;
	return 0;
}

void __wrap_sampler_drop_space(struct sampler *s, uint32_t tgid)
{
	(void)s;
	cr_assert_eq(tgid, (uint32_t)getpid());
	is_told = false;
}

int __wrap_tableload_ask(struct tableload *l, uint32_t id, int fd, bool with_code)
{
	asked++;
	return __real_tableload_ask(l, id, fd, with_code);
}

static struct objtab objects;
static struct proctab procs;
static struct unwinding *unwinding;

static void start_with(uint32_t words, uint32_t tables, uint32_t areas)
{
	memory = (struct residency_memory){
		.rows = calloc(words, sizeof(uint32_t)),
		.n_words = words,
		.tables = calloc(tables, sizeof(struct wire_table)),
		.n_tables = tables,
		.areas = calloc(areas, sizeof(struct wire_area)),
		.n_areas = areas,
	};
	is_told = false;
	set_space_result = 0;
	asked = 0;
	objtab_init(&objects, 100);
	proctab_init(&procs, &objects, 4);
	cr_assert_eq(unwinding_new(&unwinding, NULL, &objects, &procs), 0);
}

static void start(void)
{
	start_with(WORDS, TABLES, AREAS);
}

static void done(void)
{
	unwinding_free(unwinding);
	unwinding = NULL;
	proctab_done(&procs);
	objtab_done(&objects);
	free(memory.rows);
	free(memory.tables);
	free(memory.areas);
	memory = (struct residency_memory){ 0 };
}

TestSuite(unwinding, .init = start, .fini = done, .timeout = 60);

static struct process *self(void)
{
	struct process *p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());

	cr_assert_not_null(p);
	return p;
}

static void pass_window(void)
{
	unwinding_mark(unwinding);
	unwinding_collect(unwinding);
}

/* The area that the sampler would find for @addr of this process. */
static const struct wire_area *area_at(uintptr_t addr)
{
	cr_assert(is_told);
	cr_assert_leq(told.first + told.n, memory.n_areas);
	for (uint32_t i = told.first; i < told.first + told.n; i++)
		if (addr >= memory.areas[i].start && addr < memory.areas[i].end)
			return &memory.areas[i];
	cr_assert_fail("nothing is known of %#lx", (unsigned long)addr);
	return NULL;
}

static unsigned areas_with(enum wire_how how)
{
	unsigned n = 0;

	for (uint32_t i = told.first; i < told.first + told.n; i++)
		n += memory.areas[i].how == (uint32_t)how;
	return n;
}

/* Whether an area has a table that the sampler finds. */
static bool has_table(const struct wire_area *a)
{
	return a->how == WIRE_HOW_ROWS && a->tag == (uint16_t)memory.tables[a->table].tag;
}

/* Whether the sampler finds a table there. */
static bool is_resident(uintptr_t addr)
{
	return has_table(area_at(addr));
}

/* The rule at @addr as the sampler looks it up. */
static struct unwind_rule rule_at(uintptr_t addr)
{
	const struct wire_area *a = area_at(addr);
	const struct wire_table *t = &memory.tables[a->table];
	struct unwind_rule rule;
	uint32_t n;

	cr_assert(is_resident(addr));
	n = unwind_find(memory.rows, t->place.start, t->place.span, t->place.index, t->place.rows,
			(uint32_t)(addr - a->bias));
	unwind_load_rule(memory.rows, t->place.rules, n, &rule);
	return rule;
}

Test(unwinding, tells_the_sampler_at_once_and_again_when_tables_are_there)
{
	struct process *p = self();

	unwinding_update(unwinding, p);
	cr_assert(is_told);
	cr_expect_gt(told.n, 3);
	cr_expect(p->waiting);
	cr_expect_eq(area_at((uintptr_t)rule_at)->how, WIRE_HOW_WAIT);
	unwinding_settle(unwinding, WAIT_MS);
	cr_expect_not(self()->waiting);
	cr_expect_eq(areas_with(WIRE_HOW_WAIT), 0);
	cr_expect_eq(area_at((uintptr_t)rule_at)->how, WIRE_HOW_ROWS);
	cr_expect_eq(area_at((uintptr_t)memcpy)->how, WIRE_HOW_ROWS);
	for (uint32_t i = told.first + 1; i < told.first + told.n; i++)
		cr_expect_geq(memory.areas[i].start, memory.areas[i - 1].end, "not in order");
}

/* The sampler does not believe what was known before a program began. */
Test(unwinding, tells_as_of_when_it_knows)
{
	uint64_t before = clock_mono_ns(), later;

	unwinding_update(unwinding, self());
	cr_expect_gt(told.as_of_ns, before, "its maps were read after that");
	cr_expect_lt(told.as_of_ns, clock_mono_ns());
	later = procs.told_ns = clock_mono_ns();
	unwinding_update(unwinding, self());
	cr_expect_eq(told.as_of_ns, later, "the kernel has told of all since");
}

Test(unwinding, finds_the_rules_that_the_file_has)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	const struct vm_area *v;
	uint64_t bias;

	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	cr_assert_eq(unwind_table_from_fd(fd, &at_first, &t), 0);
	v = aspace_find(self()->as, (uintptr_t)rule_at, clock_mono_ns());
	cr_assert_eq(unwind_table_bias(t, v->start, v->file_off, &bias), 0);
	for (uint64_t addr = v->start; addr < v->end; addr += 7) {
		struct unwind_rule here = rule_at(addr), there;

		unwind_table_find(t, (uint32_t)(addr - bias), &there);
		cr_assert_eq(memcmp(&here, &there, sizeof(here)), 0, "%#lx", (unsigned long)addr);
	}
}

Test(unwinding, goes_by_frame_pointers_in_generated_code)
{
	void *jit = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(jit, MAP_FAILED);
	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	cr_expect_eq(area_at((uintptr_t)jit)->how, WIRE_HOW_POINTER);
	munmap(jit, 4096);
}

Test(unwinding, asks_for_each_object_once)
{
	unsigned once;

	unwinding_update(unwinding, self());
	once = asked;
	cr_expect_gt(once, 2);
	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	for (int i = 0; i < 50; i++) {
		unwinding_update(unwinding, self());
		pass_window();
	}
	cr_expect_eq(asked, once);
	cr_expect_eq(area_at((uintptr_t)rule_at)->how, WIRE_HOW_ROWS);
}

Test(unwinding, forgets_a_process_and_has_room_for_others)
{
	done();
	start_with(WORDS, TABLES, 100);
	for (int i = 0; i < 50; i++) {
		is_told = false;
		unwinding_update(unwinding, self());
		cr_assert(is_told, "after %d of them", i);
		unwinding_forget(unwinding, self());
		cr_assert_not(is_told);
		pass_window();
	}
}

Test(unwinding, gives_back_what_the_sampler_had_no_room_for)
{
	done();
	start_with(WORDS, TABLES, 100);
	set_space_result = -E2BIG;
	for (int i = 0; i < 50; i++) {
		unwinding_update(unwinding, self());
		pass_window();
	}
	set_space_result = 0;
	unwinding_update(unwinding, self());
	cr_expect(is_told);
}

Test(unwinding, tries_again_when_there_was_no_room_for_areas)
{
	struct wire_space first;
	struct process *p = self();

	unwinding_update(unwinding, p);
	first = told;
	done();
	start_with(WORDS, TABLES, first.n + 2); /* not for two versions */
	p = self();
	unwinding_update(unwinding, p);
	unwinding_settle(unwinding, WAIT_MS);
	cr_expect(self()->changed);
	cr_expect_gt(areas_with(WIRE_HOW_WAIT), 0, "the old version stays");
	unwinding_forget(unwinding, self());
	pass_window();
	cr_assert(is_told);
	cr_expect_not(self()->changed);
	cr_expect_eq(areas_with(WIRE_HOW_WAIT), 0);
}

/* Words of all tables of this process, and of the largest; where the code of that begins. */
static void table_sizes(uint32_t *ret_sum, uint32_t *ret_max, uintptr_t *ret_where)
{
	const struct object *largest = NULL;
	uint32_t sum = 0, max = 0;

	self();
	array_each(&objects.objects, o) {
		struct unwind_table *t = NULL;

		if (o->fd >= 0 && unwind_table_from_fd(o->fd, &at_first, &t) == 0) {
			uint32_t n = (uint32_t)(t->n_words + 15) / 16 * 16; /* as it is aligned */

			sum += n;
			if (n > max)
				largest = o;
			max = n > max ? n : max;
		}
		unwind_table_free(t);
	}
	array_each(&self()->as->areas, a)
		if (a->mapping < ASPACE_UNRESOLVED &&
		    &objects.objects.items[objects.mappings.items[a->mapping].object] == largest)
			*ret_where = a->start;
	*ret_sum = sum;
	*ret_max = max;
}

/* A sample has code at @addr. */
static void use(uintptr_t addr)
{
	uint64_t placed;
	int64_t m = proctab_place(&procs, self(), addr, clock_mono_ns(), &placed);

	cr_assert_geq(m, 0);
	unwinding_touch(unwinding, self(), (uint32_t)m);
}

/* All objects are in use but the one at @addr, if there is one. */
static void use_others(uintptr_t addr)
{
	for (size_t i = 0; i < self()->as->areas.n; i++) {
		const struct vm_area *a = &self()->as->areas.items[i];

		if ((addr < a->start || addr >= a->end) && a->mapping != PROCTAB_NO_MAPPING)
			use(a->start);
	}
}

/* --- code that no table describes -------------------------------------------------------------- */

/* 24 bytes are pushed behind its first instruction, and it says so itself alone. */
extern const char bare[];
__asm__(".text\n"
	".balign 64\n"
	".type bare, @function\n"
	"bare: sub $24, %rsp\n"
	".fill 30, 1, 0x90\n"
	"add $24, %rsp\n"
	"ret\n"
	".size bare, . - bare\n"
	".balign 64\n");

static bool is_unread(uintptr_t addr)
{
	uint32_t bits = rule_at(addr).bits;

	return UNWIND_RULE_CFA(bits) == UNWIND_CFA_UNSUPPORTED &&
	       UNWIND_RULE_WHY(bits) == UNWIND_WHY_UNREAD;
}

/* A walk ended where a rule could not be evaluated, with these calls. */
static bool walk_ended(const uint64_t *addr, size_t n)
{
	bool r = unwinding_want_code(unwinding, self(), clock_mono_ns(), addr, n);

	unwinding_settle(unwinding, WAIT_MS);
	return r;
}

Test(unwinding, reads_code_when_a_walk_met_it)
{
	const uint64_t calls[] = { 16, (uintptr_t)memcpy, (uintptr_t)bare + 8 };
	unsigned before;

	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	cr_assert(is_unread((uintptr_t)bare + 8));
	before = asked;
	cr_expect_not(walk_ended(calls, 2));
	cr_expect_eq(asked, before, "these have tables or are nowhere");
	cr_expect(walk_ended(calls, 3));
	cr_expect_eq(asked, before + 1);
	cr_expect_eq(UNWIND_RULE_CFA(rule_at((uintptr_t)bare + 8).bits), UNWIND_CFA_REG);
	cr_expect_eq(rule_at((uintptr_t)bare + 8).cfa_off, 32);
	cr_expect_eq(rule_at((uintptr_t)bare).cfa_off, 8);
	cr_expect(walk_ended(calls, 3), "from before it was read");
	cr_expect_eq(asked, before + 1, "it was read");
}

/* The table of @addr is used, or all others are, until it is or is not there. */
static void use_until(uintptr_t addr, bool is_used)
{
	for (int i = 0; i < 50 && is_resident(addr) != is_used; i++) {
		if (is_used)
			use(addr);
		else
			use_others(addr);
		pass_window();
		unwinding_settle(unwinding, WAIT_MS);
	}
	cr_assert_eq(is_resident(addr), is_used);
}

Test(unwinding, reads_code_again_when_its_table_was_evicted)
{
	const uint64_t call = (uintptr_t)bare + 8;
	uint32_t sum, max;
	uintptr_t here;

	table_sizes(&sum, &max, &here);
	done();
	start_with(sum - 16, TABLES, AREAS); /* one cannot be there */
	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	use_until(call, true);
	cr_assert(is_unread(call));
	walk_ended(&call, 1);
	use_until(call, false);
	use_until(call, true);
	cr_expect_not(is_unread(call));
}

Test(unwinding, keeps_a_table_that_would_be_too_large_with_its_code)
{
	const uint64_t call = (uintptr_t)bare + 8;
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_(unwind_table_freep) struct unwind_table *plain = NULL;

	cr_assert_eq(unwind_table_from_fd(fd, &at_first, &plain), 0);
	done();
	start_with((uint32_t)plain->n_words, TABLES, AREAS);
	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	use_until(call, true);
	cr_expect(walk_ended(&call, 1));
	cr_assert(is_resident(call));
	cr_expect(is_unread(call));
}

/* --- more tables than there is room for ------------------------------------------------------ */

Test(unwinding, asks_but_once_a_window_for_what_has_no_room)
{
	uint32_t sum, max;
	unsigned before = 0;
	uintptr_t where;

	table_sizes(&sum, &max, &where);
	done();
	start_with(max, TABLES, AREAS);
	unwinding_update(unwinding, self());
	for (int i = 0; i < 5; i++) {
		cr_expect_leq(asked - before, objects.objects.n, "window %d", i);
		before = asked;
		unwinding_settle(unwinding, WAIT_MS);
		cr_expect_leq(asked - before, objects.objects.n, "window %d", i);
		cr_expect_gt(areas_with(WIRE_HOW_WAIT), 0);
		before = asked;
		use_others(0);
		use_others(0);
		pass_window();
	}
	cr_expect_gt(asked, objects.objects.n, "it is asked for again");
}

Test(unwinding, waits_for_tables_that_never_fit)
{
	done();
	start_with(16, TABLES, AREAS);
	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	cr_expect_eq(area_at((uintptr_t)rule_at)->how, WIRE_HOW_WAIT);
	cr_expect_not(self()->waiting, "they do not come");
}

Test(unwinding, asks_again_for_a_table_that_was_evicted_and_is_used)
{
	unsigned before;
	uintptr_t here;
	uint32_t sum, max;

	table_sizes(&sum, &max, &here);
	done();
	start_with(sum - 16, TABLES, AREAS); /* one cannot be there */
	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	for (int i = 0; i < 20; i++) {
		use_others(here);
		pass_window();
		unwinding_settle(unwinding, WAIT_MS);
	}
	cr_assert_not(is_resident(here), "it was never evicted");
	before = asked;
	for (int i = 0; i < 5; i++) {
		use_others(here);
		pass_window();
		unwinding_settle(unwinding, WAIT_MS);
	}
	cr_expect_eq(asked, before, "nobody wants it");
	for (int i = 0; i < 20 && !is_resident(here); i++) {
		use(here);
		pass_window();
		unwinding_settle(unwinding, WAIT_MS);
	}
	cr_expect(is_resident(here), "it was not brought back");
}

/* A child has the same code at the same addresses, and its table comes and goes without its doing.
 */
Test(unwinding, tells_all_who_map_it_where_a_table_is_again)
{
	pid_t child = fork();
	uintptr_t here;
	uint32_t sum, max;
	bool has = false;

	if (child == 0)
		pause();
	table_sizes(&sum, &max, &here);
	done();
	start_with(sum - 16, TABLES, AREAS);
	unwinding_update(unwinding, proctab_get(&procs, (uint32_t)child, clock_mono_ns()));
	unwinding_update(unwinding, self());
	unwinding_settle(unwinding, WAIT_MS);
	for (int i = 0; i < 20; i++) {
		use_others(here);
		pass_window();
		unwinding_settle(unwinding, WAIT_MS);
	}
	cr_assert_not(is_resident(here), "it was never evicted");
	for (int i = 0; i < 20 && !is_resident(here); i++) {
		use(here);
		pass_window();
		unwinding_settle(unwinding, WAIT_MS);
	}
	cr_assert(is_resident(here), "it was not brought back");
	for (uint32_t i = told_other.first; i < told_other.first + told_other.n; i++)
		if (here >= memory.areas[i].start && here < memory.areas[i].end)
			has = has_table(&memory.areas[i]);
	cr_expect(has, "the child was not told");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int new_and_free(void)
{
	struct unwinding *u = NULL;
	int r = unwinding_new(&u, NULL, &objects, &procs);

	unwinding_free(u);
	return r;
}

Test(unwinding, runs_out_of_memory)
{
	done();
	memory.n_words = memory.n_tables = memory.n_areas = 16;
	allocfail_each(new_and_free);
}

/* One process that makes code everywhere does not take the room of all others. */
Test(unwinding, code_that_a_process_made_is_told_apart_in_measure)
{
	enum { PIECES = 3000 };
	char *all = mmap(NULL, PIECES * 8192, PROT_READ | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct process *p;

	cr_assert_neq(all, MAP_FAILED);
	for (size_t i = 0; i < PIECES; i++)
		cr_assert_eq(mprotect(all + i * 8192, 4096, PROT_NONE), 0);
	p = self();
	cr_assert_gt(p->as->areas.n, PIECES);
	unwinding_update(unwinding, p);
	cr_assert(is_told);
	cr_expect_lt(told.n, 1200, "%u areas", told.n);
	for (size_t i = 0; i < PIECES; i++)
		cr_expect_eq(area_at((uintptr_t)all + i * 8192 + 4096)->how, WIRE_HOW_POINTER);
	cr_expect_neq(area_at((uintptr_t)self)->how, WIRE_HOW_POINTER, "the program's own");
	munmap(all, PIECES * 8192);
}
