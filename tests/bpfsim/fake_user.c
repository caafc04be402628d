/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "fake_user.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct page {
	uint64_t number;
	uint8_t *data;
};

static struct page *pages;
static size_t n_pages, last;

static struct page *find(uint64_t number)
{
	if (last < n_pages && pages[last].number == number)
		return &pages[last];
	for (size_t i = 0; i < n_pages; i++)
		if (pages[i].number == number) {
			last = i;
			return &pages[i];
		}
	return NULL;
}

void fake_user_map(uint64_t addr, uint64_t n)
{
	uint64_t end = (addr + n - 1) / FAKE_PAGE;

	for (uint64_t i = addr / FAKE_PAGE; i <= end; i++) {
		if (find(i))
			continue;
		pages = reallocarray(pages, n_pages + 1, sizeof(*pages));
		cr_assert_not_null(pages);
		pages[n_pages++] = (struct page){ i, calloc(1, FAKE_PAGE) };
		cr_assert_not_null(pages[n_pages - 1].data);
	}
}

void fake_user_unmap(uint64_t addr, uint64_t n)
{
	uint64_t end = (addr + n - 1) / FAKE_PAGE;

	for (uint64_t i = addr / FAKE_PAGE; i <= end; i++) {
		struct page *p = find(i);

		if (!p)
			continue;
		free(p->data);
		*p = pages[--n_pages];
	}
}

void fake_user_reset(void)
{
	for (size_t i = 0; i < n_pages; i++)
		free(pages[i].data);
	free(pages);
	pages = NULL;
	n_pages = 0;
}

/* The rest of the page that holds @addr, at most *@n bytes of it; NULL when it is not there. */
static uint8_t *piece(uint64_t addr, size_t *n)
{
	struct page *p = find(addr / FAKE_PAGE);
	size_t off = addr % FAKE_PAGE;

	if (*n > FAKE_PAGE - off)
		*n = FAKE_PAGE - off;
	return p ? p->data + off : NULL;
}

void fake_user_put(uint64_t addr, uint64_t word)
{
	for (size_t done = 0, n; done < sizeof(word); done += n) {
		uint8_t *to;

		n = sizeof(word) - done;
		to = piece(addr + done, &n);
		cr_assert_not_null(to, "nothing is mapped at %lx", (unsigned long)(addr + done));
		memcpy(to, (const uint8_t *)&word + done, n);
	}
}

bool fake_user_read(uint64_t addr, void *dst, size_t size)
{
	for (size_t done = 0, n; done < size; done += n) {
		const uint8_t *from;

		n = size - done;
		from = piece(addr + done, &n);
		if (!from)
			return false;
		memcpy((uint8_t *)dst + done, from, n);
	}
	return true;
}
