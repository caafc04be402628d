/* SPDX-License-Identifier: Apache-2.0 */
#include "secondopinion.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <libunwind-ptrace.h>

#include "array.h"

static int no_debuginfo(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **ret)
{
	(void)mod, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)ret;
	return -1;
}

static int on_frame(Dwfl_Frame *state, void *arg)
{
	struct opinion *o = arg;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(state, &pc, NULL) || o->n == ARRAY_LEN(o->addr))
		return DWARF_CB_ABORT;
	o->addr[o->n++] = pc;
	return DWARF_CB_OK;
}

int opinion_of_libdwfl(pid_t pid, struct opinion *ret)
{
	static const Dwfl_Callbacks callbacks = { .find_elf = dwfl_linux_proc_find_elf,
						  .find_debuginfo = no_debuginfo };
	Dwfl *dwfl = dwfl_begin(&callbacks);
	int r = -EIO;

	ret->n = 0;
	if (!dwfl)
		return -EIO;
	if (dwfl_linux_proc_report(dwfl, pid) == 0 && dwfl_report_end(dwfl, NULL, NULL) == 0 &&
	    dwfl_linux_proc_attach(dwfl, pid, true) == 0)
		r = dwfl_getthread_frames(dwfl, pid, on_frame, ret) == 0 ? 0 : -EIO;
	dwfl_end(dwfl);
	return r;
}

int opinion_of_libunwind(pid_t pid, struct opinion *ret)
{
	unw_addr_space_t as = unw_create_addr_space(&_UPT_accessors, 0);
	void *upt = _UPT_create(pid);
	unw_cursor_t c;
	int r = as && upt ? unw_init_remote(&c, as, upt) : -1;

	ret->n = 0;
	while (r >= 0 && ret->n < ARRAY_LEN(ret->addr)) {
		unw_word_t pc;

		if (unw_get_reg(&c, UNW_REG_IP, &pc) < 0 || pc == 0)
			break;
		ret->addr[ret->n++] = pc;
		r = unw_step(&c);
		if (r == 0)
			break;
	}
	if (upt)
		_UPT_destroy(upt);
	if (as)
		unw_destroy_addr_space(as);
	return r < 0 ? -EIO : 0;
}
