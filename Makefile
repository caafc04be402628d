# SPDX-License-Identifier: Apache-2.0
# wick: continuous CPU profiler. `make help` lists what can be made; docs/architecture.md says what is where.

VERSION := 0.1.0
VARIANT ?= release
B       := build/$(VARIANT)
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

opt.release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
opt.debug   := -O0 -g3
opt.asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
opt.cov     := -O0 -g --coverage
opt.tsan    := -O1 -g -fsanitize=thread
opt.fuzz    := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
$(if $(opt.$(VARIANT)),,$(error VARIANT=$(VARIANT) is unknown; use release, debug, asan, tsan, cov or fuzz))

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(VARIANT),fuzz)
CC := clang
endif
CLANG      ?= clang
LLVM_STRIP ?= $(firstword $(foreach t,llvm-strip $(sort $(wildcard /usr/bin/llvm-strip-*)),$(shell command -v $(t) 2>/dev/null)) llvm-strip)
BPFTOOL    ?= $(shell scripts/find-bpftool.sh)
PROTOC_C   ?= protoc-c

comma := ,

# For the targets that build from nothing: all CPUs, but what -j says where it is given.
parallel = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

Q   := $(if $(filter 1,$(V)),,@)
say  = $(if $(filter 1,$(V)),,@printf '  %-6s %s\n' $(1) $(2))

# --- flags -----------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith \
	-Wundef -Wformat=2 -Wwrite-strings $(if $(filter 1,$(WERROR)),-Werror)
MAP  := -ffile-prefix-map=$(CURDIR)=.
# A profiler must be profilable: frame pointers everywhere, also in its leaf functions.
all_cflags = -std=gnu11 -D_GNU_SOURCE -DWICK_VERSION='"$(VERSION)"' $(INC) $(WARN) $(opt.$(VARIANT)) \
	$(MAP) -fPIE -fno-omit-frame-pointer $(CPPFLAGS) $(CFLAGS)
all_ldflags = $(opt.$(VARIANT)) -pie -Wl,-z,relro,-z,now $(LDFLAGS)
ARCH := $(shell uname -m)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(ARCH)))
BPF_CFLAGS := -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -g -O2 -Wall -Wextra -Iinclude -Ibpf \
	-I/usr/include/$(ARCH)-linux-gnu $(MAP) $(if $(filter 1,$(WERROR)),-Werror)

# --- rooms -----------------------------------------------------------------------------------------
# In dependency order: a room may call the rooms before it in its libs.* line and no other. Each room
# is compiled with the include paths of inc.* alone, so a forbidden include does not build.
ROOMS := base elf symbolize unwind formats flamegraph profiler commands

inc.base       := -Ibase
inc.elf        := -Ibase -Ielf
inc.symbolize  := -Iinclude -Ibase -Ielf -Isymbolize
inc.unwind     := -Iinclude -Ibase -Ielf -Iunwind
inc.formats    := -Iinclude -Ibase -Iformats -I$(B)/gen/formats
inc.flamegraph := -Iinclude -Ibase -Iflamegraph -I$(B)/gen/flamegraph
inc.profiler   := -Iinclude -Ibase -Iprofiler -I$(B)/gen/bpf
inc.commands   := -Iinclude -Ibase -Iprofiler -Icommands

libs.base       := base
libs.elf        := elf base
libs.symbolize  := symbolize elf base
libs.unwind     := unwind elf base
libs.formats    := formats base
libs.flamegraph := flamegraph formats base
libs.profiler   := profiler formats unwind symbolize elf base
libs.commands   := commands profiler flamegraph formats unwind symbolize elf base

ext.base       :=
ext.elf        :=
ext.symbolize  := -ldw -lelf -lz -lisal -ldeflate -lzstd -llzma -pthread -l:libiberty.a
ext.unwind     := -lunwind-generic
ext.formats    := -lprotobuf-c -lyajl -lm -lisal -ldeflate -lzstd -pthread
ext.flamegraph := $(ext.formats) -lm
ext.profiler   := -lbpf $(ext.symbolize) $(ext.unwind) $(ext.formats) -lm
ext.commands   := $(ext.profiler)

src = $(sort $(wildcard $(1)/*.c))
obj = $(patsubst %.c,$(B)/%.o,$(1))

skel := $(B)/gen/bpf/sampler.skel.h
pbc  := $(B)/gen/formats/profile.pb-c.h
svgjs := $(B)/gen/flamegraph/svg.js.h
viewer := $(B)/gen/flamegraph/viewer.h
# In the order of dependency: what a script does at once may use what is before it.
viewer_js := data.js tree.js query.js look.js time.js flame.js rows.js state.js panels.js app.js main.js

all: $(if $(filter build/release,$(B)),build/wick,$(B)/wick) ## the program, at build/wick

# build/wick is the release program; other variants stay in their own folder.
build/wick: build/release/wick
	@ln -sfn release/wick $@

# libc comes before the other shared libraries: at each start they are searched in this order, and most of what is
# looked for is libc's.
$(B)/wick: $(foreach r,$(libs.commands),$(B)/lib$(r).a)
	$(call say,LD,$@)
	$(Q)$(CC) $(all_ldflags) -Wl,--push-state,--no-as-needed -lc -Wl,--pop-state -Wl,--whole-archive $(B)/libcommands.a -Wl,--no-whole-archive \
		$(filter-out $(B)/libcommands.a,$^) $(ext.commands) -o $@

define room
$(B)/lib$(1).a: $(call obj,$(call src,$(1))) $(extra.$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@; $$(AR) rcsD $$@ $$^
$(call obj,$(call src,$(1))): INC = $$(inc.$(1))
endef
extra.formats := $(B)/gen/formats/profile.pb-c.o
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

$(B)/%.o: %.c $(B)/.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) -MMD -MP -c $< -o $@
$(call obj,$(call src,profiler)): | $(skel)
$(call obj,$(call src,formats)): | $(pbc)
$(call obj,$(call src,flamegraph)): | $(viewer) $(svgjs)

# --- generated code --------------------------------------------------------------------------------
$(B)/gen/bpf/%.bpf.o: bpf/%.bpf.c $(B)/.flags
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@
$(B)/gen/bpf/%.skel.h: $(B)/gen/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@
$(B)/gen/formats/%.pb-c.c $(B)/gen/formats/%.pb-c.h &: formats/%.proto
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	$(Q)$(PROTOC_C) --c_out=$(@D) --proto_path=formats $< 2>$(@D)/protoc.log || { cat $(@D)/protoc.log; false; }
$(B)/gen/formats/%.pb-c.o: $(B)/gen/formats/%.pb-c.c $(B)/.flags
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 -w $(opt.$(VARIANT)) $(MAP) -fPIE -fno-omit-frame-pointer -I$(@D) \
		$(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# A file of the program as an array of bytes called after it (svg.js: svg_js), without indentation and
# lines that are comments.
$(B)/gen/flamegraph/%.js.h: flamegraph/%.js
	$(call say,EMBED,$<)
	@mkdir -p $(@D)
	$(Q){ echo 'static const unsigned char $(*F)_js[] = {'; sed -E 's|^[ \t]+||; \|^//|d' $< | od -An -v -tu1 | \
		sed -E 's/ +([0-9]+)/\1,/g'; echo '};'; } > $@
$(viewer): scripts/pack-viewer.sh flamegraph/viewer/viewer.html flamegraph/viewer/viewer.css $(addprefix flamegraph/viewer/,$(viewer_js))
	$(call say,PACK,$@)
	@mkdir -p $(@D)
	$(Q)scripts/pack-viewer.sh flamegraph/viewer $(viewer_js) > $@

# Changed flags rebuild everything; unchanged ones nothing. INC belongs to the object that asks first.
$(B)/.flags: INC :=
stamp = $(CC) $(all_cflags) | $(all_ldflags) | $(CLANG) $(BPF_CFLAGS) | $(WORKLOAD_FLAGS)
# The folders of one room would come in from whichever object asks for the stamp first.
$(B)/.flags: INC = $(foreach r,$(ROOMS),$(inc.$(r)))
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(stamp)) | cmp -s - $@ || printf '%s\n' $(call quote,$(stamp)) > $@
quote = '$(subst ','\'',$(1))'
FORCE:

include tests/tests.mk tests/check.mk

# --- for people ------------------------------------------------------------------------------------
deps: ## install the packages that building and testing need
	scripts/deps.sh

demo: ## install what is missing, build, and profile this machine for 5 seconds
	@scripts/deps.sh build
	@$(MAKE) -s --no-print-directory $(parallel) all $(B)/demo-workload
	@scripts/demo.sh build/wick $(B)/demo-workload

$(B)/demo-workload: scripts/demo-workload.c $(B)/.flags
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer $(WARN) $(MAP) $< -o $@

man_pages := $(sort $(wildcard docs/man/*.1))

install: all ## install under DESTDIR and PREFIX
	install -D -m 0755 $(B)/wick $(DESTDIR)$(BINDIR)/wick
	install -d $(DESTDIR)$(MANDIR)/man1
	install -m 0644 $(man_pages) $(DESTDIR)$(MANDIR)/man1

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(BINDIR)/wick $(addprefix $(DESTDIR)$(MANDIR)/man1/,$(notdir $(man_pages)))

format: ## rewrite the C files in the house style
	clang-format -i $$(git ls-files '*.c' '*.h')

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all deps demo install uninstall format clean help FORCE
.DELETE_ON_ERROR:
# Only what pattern rules chain through; were all targets secondary, a missing object whose source is old
# would not be made.
.PRECIOUS: $(B)/gen/bpf/%.bpf.o $(B)/gen/formats/%.pb-c.c $(B)/gen/formats/%.pb-c.h
-include $(shell find $(B) -name '*.d' 2>/dev/null)
