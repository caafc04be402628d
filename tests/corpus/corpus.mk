# SPDX-License-Identifier: Apache-2.0
# The unwinder's corpus: programs whose stacks are known at every instant. Each NAME becomes
# $(corpus)/NAME, its allowed stacks $(corpus)/NAME.chain; where a tool is missing, NAME.skip says so.
# Not built with the variant's flags: the flags are what is tested.

corpus := $(B)/corpus
corpus_in := tests/corpus/programs
corpus_c := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -g -I$(corpus_in)
corpus_cxx := -std=gnu++17 -Wall -Wextra -g -I$(corpus_in)
corpus_names :=

# $(call corpus_add,NAME,SOURCE,COMPILER,FLAGS): of a program NAME. corpus_link.NAME: what comes after
# the source; corpus_sed.NAME: changes its chains; corpus_more.NAME: what else it is made from.
corpus_add = $(eval corpus_names += $(1))$(eval corpus_of.$(1) := $(corpus_in)/$(2))$(eval \
	corpus_cc.$(1) := $(3))$(eval corpus_flags.$(1) := $(4))

# --- the base program: compilers, optimization, frame pointers, ways of linking ---------------------
# Even so gcc gives no frame to a leaf that keeps nothing on the stack.
corpus_fp.fp := -fno-omit-frame-pointer -DCORPUS_LEAF_FRAMES
corpus_fp.nofp := -fomit-frame-pointer
corpus_as.pie := -fPIE -pie
corpus_as.nopie := -fno-pie -no-pie
corpus_as.static := -fno-pie -static
corpus_as.spie := -fPIE -static-pie
corpus_as.lto := -fPIE -pie -flto
$(foreach c,gcc clang,$(foreach o,O0 O2 O3,$(foreach f,fp nofp,$(foreach l,pie nopie static spie lto,\
	$(call corpus_add,deep-$(c)-$(o)-$(f)-$(l),deep_tree.c,$(c),\
	$(corpus_c) -$(o) $(corpus_fp.$(f)) $(corpus_as.$(l)))))))

corpus_o2 := $(corpus_c) -O2 -fomit-frame-pointer
$(call corpus_add,fini,fini.c,gcc,$(corpus_o2))
$(call corpus_add,fini-static,fini.c,gcc,$(corpus_o2) -static)
corpus_bare := $(corpus_o2) -fno-asynchronous-unwind-tables -fno-unwind-tables
$(call corpus_add,deep-debug-frame,deep_tree.c,gcc,$(corpus_bare))
$(call corpus_add,deep-clang-debug-frame,deep_tree.c,clang,$(corpus_bare))
$(call corpus_add,deep-cet,deep_tree.c,gcc,$(corpus_o2) -fcf-protection=full)
$(call corpus_add,deep-size,deep_tree.c,gcc,$(corpus_c) -Os)
$(call corpus_add,deep-guarded,deep_tree.c,gcc,$(corpus_o2) -fstack-protector-all -fstack-clash-protection)
$(call corpus_add,deep-sections,deep_tree.c,gcc,$(corpus_o2) -ffunction-sections -Wl$(comma)--gc-sections)
$(call corpus_add,deep-stripped,deep_tree.c,gcc,$(corpus_o2) -s)
corpus_sed.deep-stripped := -E -e 's/;(main|trunk|bough|limb|branch|twig|leaf_[a-z]+|[a-z]+_root)\b/;[deep-stripped+*]/g' \
	-e '/^root main/s/_start;/[deep-stripped+*];/' -e '$$a own: [deep-stripped+*]' -e '$$a limit wrong: 1'
# musl itself has no unwind tables.
corpus_musl := -e '/^root main/s/: .*/: _start|[*+*];_start_c|[*+*]{0,1};*libc_start*|[*+*]{0,2};main/'
corpus_sed.deep-musl := $(corpus_musl)
corpus_sed.deep-musl-static := $(corpus_musl)
$(call corpus_add,deep-musl,deep_tree.c,musl-gcc,$(corpus_o2))
$(call corpus_add,deep-musl-static,deep_tree.c,musl-gcc,$(corpus_o2) -static)

# A snapshot, as of a program's first samples, holds 32 KiB of one stack: less than a huge frame, and
# not the one that a signal interrupted when its handler has another.
corpus_first := '$$a limit cut: 3'
$(foreach n,signal-altstack signal-nested frames-100k frames-3m frames-3m-clang,\
	$(eval corpus_sed.$(n) = $$(corpus_first)))

# --- shared objects ---------------------------------------------------------------------------------
corpus_rpath = -Wl,-rpath,'$$ORIGIN' -L$(corpus)
$(call corpus_add,plt-lazy,plt_calls.c,gcc,$(corpus_o2))
$(call corpus_add,plt-now,plt_calls.c,gcc,$(corpus_o2) -no-pie -fno-pie)
$(call corpus_add,plt-ibt,plt_calls.c,gcc,$(corpus_o2) -fcf-protection=full)
$(call corpus_add,plt-binding,plt_binding.c,gcc,$(corpus_o2))
$(call corpus_add,plugins,plugins.c,gcc,$(corpus_o2))
corpus_link.plt-lazy = $(corpus_rpath) -lfar -Wl,-z,lazy
corpus_link.plt-now = $(corpus_rpath) -lfar -Wl,-z,now
corpus_link.plt-ibt = $(corpus_rpath) -lfar -Wl,-z,lazy,-z,ibtplt
corpus_link.plt-binding = -Wl,-rpath,'$$ORIGIN'
corpus_link.plugins = -Wl,-rpath,'$$ORIGIN'

# --- signals, frames, threads, exec -----------------------------------------------------------------
$(call corpus_add,signal-async,signal_async.c,gcc,$(corpus_o2))
$(call corpus_add,signal-static,signal_async.c,gcc,$(corpus_o2) -static)
$(call corpus_add,signal-altstack,signal_async.c,gcc,$(corpus_o2) -DALTSTACK)
$(call corpus_add,signal-nested,signal_nested.c,gcc,$(corpus_o2))
$(call corpus_add,frames-100k,frames_huge.c,gcc,$(corpus_o2) -DKIB=100)
$(call corpus_add,frames-3m,frames_huge.c,gcc,$(corpus_o2) -DKIB=3072)
$(call corpus_add,frames-3m-clang,frames_huge.c,clang,$(corpus_o2) -DKIB=3072)
$(call corpus_add,frames-variable,frames_variable.c,gcc,$(corpus_o2))
$(call corpus_add,frames-variable-clang,frames_variable.c,clang,$(corpus_o2))
$(foreach d,10 100 500,$(call corpus_add,recursion-$(d),recursion.c,gcc,$(corpus_o2) -DDEPTH=$(d))\
	$(eval corpus_sed.recursion-$(d) := s/DEPTH/$(d)/))
$(call corpus_add,vdso-clock,vdso_clock.c,gcc,$(corpus_o2))
$(call corpus_add,threads,threads_four.c,gcc,$(corpus_o2) -pthread)
$(call corpus_add,threads-static,threads_four.c,gcc,$(corpus_o2) -pthread -static)
$(call corpus_add,noreturn,noreturn_call.c,gcc,$(corpus_o2))
$(call corpus_add,syscall-zero,syscall_zero.c,gcc,$(corpus_o2))
$(call corpus_add,exec-memfd,exec_self.c,gcc,$(corpus_o2) -DMEMFD)
$(call corpus_add,exec-deleted,exec_self.c,gcc,$(corpus_o2))
$(call corpus_add,coroutines,coroutines.c,gcc,$(corpus_o2))
$(call corpus_add,realigned,stack_realign.c,gcc,$(corpus_o2))
$(call corpus_add,realigned-clang,stack_realign.c,clang,$(corpus_o2))
$(call corpus_add,cxx-throw,cxx_throw.cc,g++,$(corpus_cxx) -O2)
$(call corpus_add,cxx-throw-static,cxx_throw.cc,g++,$(corpus_cxx) -O2 -static)
$(call corpus_add,cxx-throw-clang,cxx_throw.cc,clang++,$(corpus_cxx) -O2)
$(call corpus_add,cxx-virtual,cxx_virtual.cc,g++,$(corpus_cxx) -O2)
$(call corpus_add,cxx-virtual-clang,cxx_virtual.cc,clang++,$(corpus_cxx) -O1)
$(call corpus_add,rust-release,rust_frames.rs,rustc,-C opt-level=2 -g)
$(call corpus_add,rust-debug,rust_frames.rs,rustc,-C opt-level=0 -g)
$(call corpus_add,rust-abort,rust_frames.rs,rustc,-C opt-level=3 -C panic=abort)
# rustc gives its main() no unwind tables when a panic aborts.
corpus_sed.rust-abort := -e '/^root rust/s/: .*;main;/: [truncated*|_start;*libc_start*|[*+*]{0,2};main{0,1};/'
$(call corpus_add,go-frames,go_frames.go,go,build)
$(call corpus_add,go-stripped,go_frames.go,go,build -ldflags=-w)
$(call corpus_add,go-pie,go_frames.go,go,build -buildmode=pie)
$(call corpus_add,go-strings,go_strings.go,go,build)
$(call corpus_add,go-cgo,go_cgo.go,go,build)
$(call corpus_add,go-cgo-pie,go_cgo.go,go,build -buildmode=pie)

# --- code written for one machine -------------------------------------------------------------------
ifeq ($(ARCH),x86_64)
# No tables at all: the code itself has to tell.
$(call corpus_add,deep-bare,deep_tree.c,gcc,$(corpus_bare) -g0)
$(call corpus_add,deep-bare-clang,deep_tree.c,clang,$(corpus_bare) -g0)
$(call corpus_add,deep-bare-size,deep_tree.c,gcc,$(corpus_bare) -g0 -Os)
$(call corpus_add,deep-bare-stripped,deep_tree.c,gcc,$(corpus_bare) -g0 -s)
$(call corpus_add,deep-bare-musl,deep_tree.c,musl-gcc,$(corpus_bare) -g0)
corpus_sed.deep-bare-stripped := $(subst deep-stripped,deep-bare-stripped,$(corpus_sed.deep-stripped))
corpus_sed.deep-bare-musl := $(corpus_musl)
$(call corpus_add,asm-cfa,asm_cfa.c,gcc,$(corpus_o2))
$(call corpus_add,asm-codec,asm_codec.c,gcc,$(corpus_o2))
$(call corpus_add,asm-bare,asm_bare.c,gcc,$(corpus_o2))
$(call corpus_add,jit-between,jit_between.c,gcc,$(corpus_o2))
$(call corpus_add,asm-bare-fp,asm_bare.c,gcc,$(corpus_c) -O2 $(corpus_fp.fp))
$(call corpus_add,jit-between-fp,jit_between.c,gcc,$(corpus_c) -O2 $(corpus_fp.fp))
$(call corpus_add,realigned-entry,stack_realign.c,gcc,$(corpus_o2) -mstackrealign)
$(call corpus_add,realigned-avx2,stack_realign.c,gcc,$(corpus_o2) -mavx2)
corpus_more.asm-cfa := $(corpus_in)/asm_frames.S
endif

# --- rules ------------------------------------------------------------------------------------------
# Without start files: crti's _init has no unwind tables.
corpus_shared = mkdir -p $(@D); if command -v gcc >/dev/null; then gcc $(corpus_o2) -fPIC -shared -nostartfiles
corpus_libs := $(addprefix $(corpus)/,libfar.so libbinds.so libplugin_a.so libplugin_b.so)
$(corpus_libs): $(corpus_in)/corpus.h $(corpus_in)/far.h tests/corpus/corpus.mk
$(corpus)/libfar.so: $(corpus_in)/libfar.c
	$(Q)$(corpus_shared) $< -o $@; fi
$(corpus)/libbinds.so: $(corpus_in)/libbinds.c | $(corpus)/libfar.so
	$(Q)$(corpus_shared) $< -o $@ $(corpus_rpath) -lfar -Wl,-z,lazy; fi
$(corpus)/libplugin_a.so: $(corpus_in)/libplugin.c
	$(Q)$(corpus_shared) -DPLUGIN=a -DROOM=300 $< -o $@; fi
$(corpus)/libplugin_b.so: $(corpus_in)/libplugin.c
	$(Q)$(corpus_shared) -DPLUGIN=b -DROOM=9000 -O1 -fno-omit-frame-pointer $< -o $@; fi

corpus_all := $(addprefix $(corpus)/,$(corpus_names))
# go wants -o before the source, and all are content with that.
$(corpus_all): $(corpus)/%: $(corpus_in)/corpus.h $(corpus_in)/far.h tests/corpus/corpus.mk | $(corpus_libs)
	$(call say,CORPUS,$@)
	$(Q)rm -f $@ $@.skip $@.chain
	$(Q)if ! command -v $(corpus_cc.$*) >/dev/null; then echo "no $(corpus_cc.$*)" >$@.skip; \
	else env -u MAKEFLAGS -u MFLAGS $(corpus_cc.$*) $(corpus_flags.$*) -o $@ $(corpus_of.$*) $(corpus_more.$*) $(corpus_link.$*); fi
	$(Q)awk -f tests/corpus/chains.awk tests/corpus/roots.chain $(corpus_of.$*) | \
		sed $(or $(corpus_sed.$*),'') >$@.chain
$(foreach n,$(corpus_names),$(eval $(corpus)/$(n): $(corpus_of.$(n)) $(corpus_more.$(n)) \
	tests/corpus/roots.chain tests/corpus/chains.awk))

# The checker needs nothing but libc and is linked statically: it also runs in a bare virtual machine.
corpus_check := $(B)/corpus-check
$(corpus_check): $(B)/tests/corpus/corpus_check.o $(B)/tests/corpus/allowed.o
	$(call say,LD,$@)
	$(Q)$(CC) $(opt.$(VARIANT)) $(LDFLAGS) $(if $(filter release,$(VARIANT)),-static) $^ -o $@
$(B)/tests/corpus/%.o: INC = -Itests/corpus

# Its tests. Not a room: it may use nothing of wick's, and wick nothing of it.
$(B)/unit-corpus: $(call obj,$(sort $(wildcard tests/unit/corpus/*.c))) $(B)/tests/corpus/allowed.o
	$(call say,LD,$@)
	$(Q)$(CC) $(all_ldflags) $^ -lcriterion -o $@
$(B)/tests/unit/corpus/%.o: INC = -Itests/corpus
unit: $(B)/unit-corpus

corpus: $(corpus_all) $(corpus_check) ## programs with known call trees, for the unwinder
.PHONY: corpus
