# SPDX-License-Identifier: Apache-2.0
# The tests. Tiers: unit (one Criterion program a room, linked with that room and those below it),
# bpfsim (the BPF programs compiled as C), fuzz (corpora replayed), e2e (the real program on the real
# kernel, needs root), vm (the same on other kernels, in virtual machines).

test_inc = $(foreach r,$(libs.$(1)),-I$(r)) -Iinclude -Itests -I$(B)/gen/formats -I$(B)/gen/bpf \
	-DTEST_BUILD='"$(B)"'
unit_src = $(filter-out %.bpf.c,$(sort $(wildcard tests/unit/$(1)/*.c)))
unit_rooms := $(foreach r,$(ROOMS),$(if $(call unit_src,$(r)),$(r)))
units := $(foreach r,$(unit_rooms),$(B)/unit-$(r))

# unit_ld.ROOM: more linker flags; unit_add.ROOM: more objects; unit_needs.ROOM: files that its tests
# read.
# The allocator is wrapped so that a test can make the n-th allocation fail.
unit_ld.symbolize := $(foreach f,malloc calloc realloc reallocarray strdup free,-Wl,--wrap=$(f))
unit_ld.unwind := $(foreach f,malloc calloc reallocarray,-Wl,--wrap=$(f))
unit_ld.base := $(foreach f,malloc calloc realloc reallocarray strdup,-Wl,--wrap=$(f))
unit_ld.profiler := $(unit_ld.base)
unit_ld.flamegraph := $(unit_ld.base)
unit_ld.elf := $(unit_ld.base)
fake_symbolizer := $(B)/tests/fake_symbolizer.o
unit_add.base := $(B)/tests/allocfail.o
unit_add.profiler := $(unit_add.base) $(fake_symbolizer)
unit_add.commands := $(unit_add.profiler)
unit_add.flamegraph := $(unit_add.base)
$(unit_add.base): INC = -Itests
$(fake_symbolizer): INC = $(call test_inc,profiler)
# A Go program made by hand, for the rooms that read such.
go_image := $(B)/tests/go_image.o
unit_add.elf := $(go_image) $(unit_add.base)
unit_add.symbolize := $(go_image)
unit_add.unwind := $(go_image)
$(go_image): INC = $(call test_inc,elf)
unit_ld.formats := $(foreach f,malloc calloc reallocarray,-Wl,--wrap=$(f))
# perf_event_open(2) is wrapped so that a test can be on a kernel that knows less.
unit_ld.profiler += -Wl,--wrap=syscall
# And the symbolizer, so that a test can say what it knows.
unit_ld.profiler += -Wl,--wrap=symbolizer_run
unit_ld.commands := $(unit_ld.base) -Wl,--wrap=symbolizer_run
# And the sampler, as far as unwinding.c knows it.
unit_ld.profiler += $(foreach f,sampler_unwind_memory sampler_set_space sampler_drop_space \
	tableload_ask,-Wl,--wrap=$(f))

# ELF files of several kinds. Not built with the variant's flags: they are data here.
symfix := $(B)/fixtures/symbolize
unit_needs.symbolize := $(addprefix $(symfix)/,names-pie names-nopie names-now names-ibt names-dynsym \
	names-static names-staticpie names-stripped names-debug names-debugnoid odd)
fix_cc = $(CC) -O1 -g0 -fno-omit-frame-pointer
symfix_flags.pie := -fPIE -pie -Wl,-z,lazy
symfix_flags.nopie := -fno-pie -no-pie
symfix_flags.now := -fPIE -pie -Wl,-z,now
symfix_flags.static := -static
symfix_flags.staticpie := -static-pie
symfix_ibt := -fcf-protection -Wl,-z,ibtplt
symfix_flags.ibt := -fPIE -pie -Wl,-z,lazy $(if $(filter x86_64,$(shell uname -m)),$(symfix_ibt))
symfix_flags.dynsym := -fPIE -pie -rdynamic -s
# DWARF 4 is what dwz reads whatever the compiler.
symfix_flags.debug := -fPIE -pie -gdwarf-4 -Wl,--build-id=sha1
symfix_flags.debugnoid := -fPIE -pie -gdwarf-4 -Wl,--build-id=none
symfix_flags.stripped := -fPIE -pie -Wl,-z,lazy -s
$(symfix)/names-%: tests/fixtures/symbolize/names.c $(B)/.flags
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)$(fix_cc) $(symfix_flags.$*) $< -o $@
$(symfix)/odd: tests/fixtures/symbolize/odd.S $(B)/.flags
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)$(fix_cc) -nostdlib -static -Wl,-Ttext=0x401000 -Wl,--section-start=second=0x402000 \
		-Wl,-e,sized -Wl,--build-id=sha1 $< -o $@
# A program with line number tables of every kind; linking throws some of its code away.
linefix := gcc-2 gcc-3 gcc-4 gcc-5 gcc-wide gcc-z clang-2 clang-3 clang-4 clang-5 clang-wide clang-z
unit_needs.symbolize += $(addprefix $(symfix)/lines-,$(linefix))
linefix_flags.2 := -gdwarf-2
linefix_flags.3 := -gdwarf-3
linefix_flags.4 := -gdwarf-4
linefix_flags.5 := -gdwarf-5
linefix_flags.wide := -gdwarf-5 -gdwarf64
linefix_flags.z := -gdwarf-5 -gz=zlib
linefix_cc.gcc := gcc
linefix_cc.clang := $(CLANG)
linefix_src := $(addprefix tests/fixtures/symbolize/,lines.c lines_other.c)
$(symfix)/lines-%: $(linefix_src) tests/fixtures/symbolize/lines.h $(B)/.flags
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)$(linefix_cc.$(word 1,$(subst -, ,$*))) -O2 $(linefix_flags.$(word 2,$(subst -, ,$*))) \
		-fPIE -pie -ffunction-sections -Wl,--gc-sections $(linefix_src) -o $@
# What tests build programs of by themselves, in folders of their own.
split_src := $(notdir $(wildcard tests/fixtures/symbolize/split/*))
unit_needs.symbolize += $(addprefix $(symfix)/split/,$(split_src))
$(symfix)/split/%: tests/fixtures/symbolize/split/%
	@mkdir -p $(@D)
	$(Q)cp $< $@
# Go programs, where there is Go: as it builds them by default, and without symbols in all ways that
# keep their table elsewhere. Their tests are skipped without.
go_fixtures := $(addprefix $(symfix)/go-,debug stripped trimpath pie)
go_flags.debug :=
go_flags.stripped := -ldflags='-s -w'
go_flags.trimpath := -trimpath -ldflags='-s -w'
go_flags.pie := -buildmode=pie -ldflags='-s -w'
unit_needs.symbolize += $(go_fixtures)
$(go_fixtures): $(symfix)/go-%: tests/fixtures/symbolize/inlines.go
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)! command -v go >/dev/null || env -u MAKEFLAGS -u MFLAGS CGO_ENABLED=0 go build $(go_flags.$*) -o $@ $<
# Programs with inlined calls whose debug information libdw is asked about, too.
dwfix := $(addprefix debug-,gcc-2 gcc-3 gcc-4 gcc-5 gcc-wide gcc-z clang-2 clang-3 clang-4 clang-5 clang-wide clang-z) \
	debugxx-gcc-5 debugxx-clang-4 $(if $(shell command -v rustc),debug-rust)
unit_needs.symbolize += $(addprefix $(symfix)/,$(dwfix))
dwfix_dir := tests/symagree/programs
linefix_cxx.gcc := g++
linefix_cxx.clang := $(CLANG)++
$(symfix)/debug-%: $(dwfix_dir)/inlines.c $(dwfix_dir)/inlines_far.c $(dwfix_dir)/inlines.h $(B)/.flags
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)$(linefix_cc.$(word 1,$(subst -, ,$*))) -O2 $(linefix_flags.$(word 2,$(subst -, ,$*))) \
		-Wl,--build-id=sha1 $(filter %.c,$^) -o $@
$(symfix)/debugxx-%: $(dwfix_dir)/templates.cc $(B)/.flags
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)$(linefix_cxx.$(word 1,$(subst -, ,$*))) -std=c++17 -O2 $(linefix_flags.$(word 2,$(subst -, ,$*))) $< -o $@
$(symfix)/debug-rust: $(dwfix_dir)/ranges.rs $(B)/.flags
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)env -u MAKEFLAGS -u MFLAGS rustc -O -g $< -o $@
# What the tests alone are linked with: second opinions on gzip, unwind tables and stacks.
ext.unit.formats := -lz
ext.unit.unwind := -ldw -lelf -lunwind-ptrace -Wl,--wrap=malloc,--wrap=calloc,--wrap=reallocarray
# Without frame pointers in every variant; private, or the stamp of the flags would take it up.
$(B)/tests/unit/unwind/snapchain.o: private CFLAGS += -O2 -fomit-frame-pointer

# Criterion comes before the archives: its main() is the one, not commands/main.c's.
define unit
$(B)/unit-$(1): $(call obj,$(call unit_src,$(1))) $(unit_add.$(1)) $(foreach l,$(libs.$(1)),$(B)/lib$(l).a)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(all_ldflags) $$(unit_ld.$(1)) $$(filter %.o,$$^) -lcriterion $$(filter %.a,$$^) $$(ext.$(1)) $$(ext.unit.$(1)) -lm -o $$@
$(B)/unit-$(1): | $(unit_needs.$(1))
$(call obj,$(call unit_src,$(1))): INC = $(call test_inc,$(1))
$(call obj,$(call unit_src,$(1))): | $(if $(filter formats flamegraph profiler commands,$(1)),$(pbc)) $(if $(filter profiler,$(1)),$(skel))
endef
$(foreach r,$(unit_rooms),$(eval $(call unit,$(r))))

# Objects that unwind tables are built of (always by GNU as: clang's drops the signal flag from
# .debug_frame), and the kernel side of their contract, compiled only.
unwind_fixtures := $(B)/fixtures/unwind/frames $(B)/fixtures/unwind/frames-debug
$(B)/fixtures/unwind/frames-debug: fixture_flags := -DDEBUG_FRAME
$(unwind_fixtures): tests/unit/unwind/fixtures/frames.S tests/unit/unwind/fixtures/frames.ld
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(fixture_flags) -E $< | as -o $@.o
	$(Q)ld -static --build-id=none --eh-frame-hdr -T tests/unit/unwind/fixtures/frames.ld $@.o -o $@
$(B)/fixtures/unwind/row.bpf.o: tests/unit/unwind/row.bpf.c include/unwind_row.h
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Werror -c $< -o $@
# Go programs, where there is Go: with call frame information for debuggers, without, and with C.
go_rows := $(addprefix $(B)/fixtures/unwind/go-,plain stripped cgo)
go_rows_flags.plain := -ldflags=-compressdwarf=false
go_rows_flags.stripped := -ldflags='-s -w'
go_rows_from.plain := tests/corpus/programs/go_strings.go
go_rows_from.stripped := $(go_rows_from.plain)
go_rows_from.cgo := tests/corpus/programs/go_cgo.go
$(go_rows): $(B)/fixtures/unwind/go-%: $(go_rows_from.plain) $(go_rows_from.cgo)
	$(call say,FIX,$@)
	@mkdir -p $(@D)
	$(Q)! command -v go >/dev/null || env -u MAKEFLAGS -u MFLAGS go build $(go_rows_flags.$*) -o $@ $(go_rows_from.$*)
$(B)/unit-unwind: | $(go_rows)
$(B)/unit-profiler: | $(unwind_fixtures)
$(B)/unit-unwind: | $(unwind_fixtures) $(B)/fixtures/unwind/row.bpf.o

golden-unwind: $(B)/unit-unwind
	$(Q)GOLDEN_UPDATE=1 $< --filter 'rowtable/*golden*'

# The BPF programs compiled as C, walking by tables that the room unwind built:
# tests/bpfsim/bpf/bpf_helpers.h hides libbpf's header of that name.
bpfsim_o := $(call obj,$(sort $(wildcard tests/bpfsim/*.c)))
$(B)/bpfsim: $(bpfsim_o) $(foreach l,$(libs.unwind),$(B)/lib$(l).a) | $(unwind_fixtures)
	$(call say,LD,$@)
	$(Q)$(CC) $(all_ldflags) $^ -lcriterion $(ext.unwind) -o $@
$(bpfsim_o): INC = -Itests/bpfsim -Ibpf $(call test_inc,unwind)
# A stack that is not aligned is read as it lies; an access that may be unaligned costs eight in BPF.
$(B)/tests/bpfsim/sampler_sim.o: private CFLAGS += -fno-sanitize=alignment

# tests/fuzz/ROOM/fuzz_X.c is a libFuzzer target over ROOM with its seeds in tests/fuzz/corpus/X/.
fuzz_src := $(sort $(wildcard tests/fuzz/*/fuzz_*.c))
fuzz_room = $(notdir $(patsubst %/,%,$(dir $(1))))
replays := $(foreach f,$(fuzz_src),$(B)/replay/$(basename $(notdir $(f))))
fuzzers := $(foreach f,$(fuzz_src),$(B)/$(basename $(notdir $(f))))
define fuzz
$(B)/replay/$(basename $(notdir $(1))): $(call obj,$(1)) $(B)/tests/fuzz/replay.o $(foreach l,$(libs.$(2)),$(B)/lib$(l).a)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(all_ldflags) $$^ $$(ext.$(2)) -o $$@
$(B)/$(basename $(notdir $(1))): $(call obj,$(1)) $(foreach l,$(libs.$(2)),$(B)/lib$(l).a)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(all_ldflags) -fsanitize=fuzzer $$^ $$(ext.$(2)) -o $$@
$(call obj,$(1)): INC = $(call test_inc,$(2))
$(call obj,$(1)): | $(if $(filter formats flamegraph,$(2)),$(pbc))
endef
$(foreach f,$(fuzz_src),$(eval $(call fuzz,$(f),$(call fuzz_room,$(f)))))
$(B)/tests/fuzz/replay.o: INC = -Itests

# tests/conc/conc_ROOM.c: what runs on several threads, under the thread sanitizer. Criterion does not, so
# these are plain programs that say nothing when all is well. conc_obj.ROOM: what they share with unit tests.
conc_src := $(sort $(wildcard tests/conc/conc_*.c))
conc_room = $(patsubst conc_%,%,$(basename $(notdir $(1))))
conc_obj.symbolize := $(B)/tests/unit/symbolize/dwmaker.o
concs := $(foreach f,$(conc_src),$(B)/conc-$(call conc_room,$(f)))
define conc
$(B)/conc-$(1): $(B)/tests/conc/conc_$(1).o $(conc_obj.$(1)) $(foreach l,$(libs.$(1)),$(B)/lib$(l).a)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(all_ldflags) $$^ $$(ext.$(1)) -o $$@
$(B)/tests/conc/conc_$(1).o: INC = $(call test_inc,$(1)) -Itests/unit/$(1)
endef
$(foreach f,$(conc_src),$(eval $(call conc,$(call conc_room,$(f)))))
conc: ## what runs on several threads, under the thread sanitizer
	$(Q)$(MAKE) --no-print-directory VARIANT=tsan conc-run
conc-run: $(concs)
	$(Q)tests/run.sh $^
.PHONY: conc conc-run

include tests/corpus/corpus.mk

# Tests of the tests' own tools.
tool_tests := $(sort $(wildcard tests/tools/*_test.py))

unit: $(units) $(B)/bpfsim $(replays) ## unit tests, the sampler compiled as C, fuzz corpora; no privilege needed
	$(Q)tests/run.sh $^ $(tool_tests)

golden: $(units) ## rewrite the expected files in tests/golden; read `git diff` afterwards
	$(Q)WICK_GOLDEN=update tests/run.sh $^

fuzz-build: ## libFuzzer targets build/fuzz/fuzz_X, for tests/fuzz/corpus/X (clang and libclang-rt-*-dev)
	$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzz-targets
fuzz-targets: $(fuzzers)

# tests/bench/bench_ROOM.c measures ROOM; nothing asserts. bench_of.X names the room of any other
# bench_X.c, bench_obj.X what it shares with unit tests.
bench_of.snapshot := unwind
bench_obj.snapshot := $(B)/tests/unit/unwind/snapprocess.o
bench_of.names := symbolize
bench-names: ## what a name costs once its object is loaded
bench-unwind: ## how fast unwind tables are built and searched, and their size, over /usr
bench-snapshot: ## how long it takes to unwind snapshots of a running program
bench-roots: all ## how many stacks of real programs reach their root; needs root
	$(Q)tests/bench/roots.sh build/wick
.PHONY: bench-roots
bench_src := $(sort $(wildcard tests/bench/bench_*.c))
bench_room = $(patsubst bench_%,%,$(basename $(notdir $(1))))
define bench
$(B)/bench-$(1): $(B)/tests/bench/bench_$(1).o $(bench_obj.$(1)) $(foreach l,$(libs.$(2)),$(B)/lib$(l).a)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(all_ldflags) $$^ $$(ext.$(2)) -o $$@
$(B)/tests/bench/bench_$(1).o: INC = $(call test_inc,$(2)) $(if $(bench_obj.$(1)),-Itests/unit/$(2))
bench-$(1): $(B)/bench-$(1)
	$$(Q)$$<
.PHONY: bench-$(1)
endef
$(foreach b,$(foreach f,$(bench_src),$(call bench_room,$(f))),$(eval $(call bench,$(b),$(or $(bench_of.$(b)),$(b)))))

# What a sample costs in the kernel, beside bpftrace. The program under the profilers is built as
# distributions build theirs, whatever the variant, and once more with frame pointers.
bench_stacks := $(B)/bench/stacks $(B)/bench/stacks-fp
$(B)/bench/stacks: frame := -fomit-frame-pointer
$(B)/bench/stacks-fp: frame := -fno-omit-frame-pointer
$(bench_stacks): tests/bench/stacks.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) $(frame) $< -o $@
bench_tools := $(addprefix $(B)/bench/,turns firsts)
$(bench_tools): $(B)/bench/%: tests/bench/%.c include/wire_unwind.h include/unwind_row.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARN) -Iinclude $< -o $@
bench: build/wick $(bench_stacks) $(bench_tools) $(B)/bench-unwind ## what wick costs, beside its peers, in one table; needs root
	$(Q)tests/bench/bench.sh $(B)/bench $(B)/bench-unwind
bench-bpf: build/wick $(bench_stacks) $(bench_tools) ## of these: what a sample costs in the kernel
	$(Q)tests/bench/bpf_cost.sh $(B)/bench

.PHONY: bench bench-bpf golden-unwind

# What symbolizers are judged on, and the judgement: the small corpus is a part of make check, the whole
# needs the peers that tests/bench/peers.sh brings and takes minutes.
symagree := $(B)/symagree/list
symagree_full := build/symagree/list
$(symagree): tier := small
$(symagree_full): tier := full
$(symagree) $(symagree_full): tests/symagree/corpus.sh $(wildcard tests/symagree/programs/*)
	$(call say,CORPUS,$@)
	$(Q)$< $(tier) $(@D) >/dev/null
SYMBOLS_EACH ?= 2000
SEED ?= 1
symbolizer-agreement: all $(symagree_full) ## judge wick's names, inlined calls and lines by its peers; rewrites docs/symbolizer-agreement.md; SEED=random
	$(Q)WICK=$(B)/wick tests/symagree/judge.py -n $(SYMBOLS_EACH) --seed $(SEED) --table docs/symbolizer-agreement.md \
		--all build/symagree/differences.txt $(symagree_full)
bench-symbolize: all $(B)/bench/timed $(B)/bench-names ## time and memory of wick symbolize beside its peers (tests/bench/peers.sh install); some minutes
	$(Q)tests/bench/symbolize.sh $(B)
bench-flame: all $(B)/bench/timed $(B)/bench/profilegen ## large profiles through wick and its peers (tests/bench/peers.sh install); some minutes
	$(Q)tests/bench/flame.sh $(B)
$(B)/bench/timed $(B)/bench/profilegen: $(B)/bench/%: tests/bench/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARN) $< -o $@
.PHONY: symbolizer-agreement bench-symbolize bench-flame

# e2e: one Criterion program of all tests/e2e/*.c, and what it records: tests/workloads/X.c is the
# program $(B)/workloads/X. Frame pointers and debug information are what the tests count on, so the
# workloads are built the same in every variant; X-nofp has no frame pointers.
e2e_src := $(sort $(wildcard tests/e2e/*.c))
workload_src := $(sort $(wildcard tests/workloads/*.c))
workloads := $(patsubst tests/workloads/%.c,$(B)/workloads/%,$(workload_src)) \
	$(addprefix $(B)/workloads/,stripped lives-static hostile-static split-nofp threads-nofp deep-nofp cxxnames $(if $(shell command -v rustc),rustnames) \
	$(if $(shell command -v musl-gcc),elsewhere-musl))
WORKLOAD_FLAGS := -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -Wall -Wextra $(MAP)

$(call obj,$(e2e_src)): INC = $(call test_inc,formats) -Itests/e2e -DE2E_BUILD='"$(B)"'
$(B)/e2e: $(call obj,$(e2e_src)) $(foreach l,$(libs.formats),$(B)/lib$(l).a)
	$(call say,LD,$@)
	$(Q)$(CC) $(all_ldflags) $^ $(ext.formats) -lcriterion -lm -o $@
$(B)/workloads/%: tests/workloads/%.c $(B)/.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WORKLOAD_FLAGS) -MMD -MP $< -pthread -o $@
$(B)/workloads/alone: WORKLOAD_FLAGS := -O2 -fomit-frame-pointer -fno-optimize-sibling-calls \
	-fno-asynchronous-unwind-tables -fno-stack-protector -fcf-protection=none -nostdlib -static -Wall -Wextra
$(B)/workloads/%-nofp: tests/workloads/%.c $(B)/.flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WORKLOAD_FLAGS) -fomit-frame-pointer -MMD -MP $< -pthread -o $@
# For roots that hold nothing else.
$(B)/workloads/%-static: tests/workloads/%.c $(B)/.flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WORKLOAD_FLAGS) -static -MMD -MP $< -pthread -o $@
# Of another C library, which it looks for where this machine has its own: what a container holds.
$(B)/workloads/%-musl: tests/workloads/%.c $(B)/.flags
	$(call say,MUSL,$@)
	@mkdir -p $(@D)
	$(Q)musl-gcc -std=gnu11 -D_GNU_SOURCE $(WORKLOAD_FLAGS) -fomit-frame-pointer \
		-Wl,--dynamic-linker=/lib/x86_64-linux-gnu/libc.so.6 $< -pthread -o $@
$(B)/workloads/%: tests/workloads/%.cc $(B)/.flags
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(WORKLOAD_FLAGS) $< -o $@
$(B)/workloads/%: tests/workloads/%.rs $(B)/.flags
	$(call say,RUSTC,$<)
	@mkdir -p $(@D)
	$(Q)env -u MAKEFLAGS -u MFLAGS rustc -O -g -C force-frame-pointers=yes $< -o $@
$(B)/workloads/stripped: $(B)/workloads/split
	$(call say,STRIP,$@)
	$(Q)strip -s $< -o $@

.PHONY: unit golden fuzz-build fuzz-targets
