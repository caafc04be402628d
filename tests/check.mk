# SPDX-License-Identifier: Apache-2.0
# make check: every test there is. What the tiers hold comes from the places where tests.mk looks.

check_units   = $(units) $(B)/unit-corpus $(B)/bpfsim $(replays)
check_e2e     = $(B)/e2e $(sort $(wildcard tests/e2e/*.sh))
# A sanitizer would slow the recorder down, not what it records: a matter of the release alone.
check_corpus  = $(if $(filter release,$(VARIANT)),tests/corpus/run.sh:-a)
check_symbols = tests/symagree/run.sh
check_ui      = tests/ui/run.sh
check_lint   := $(addprefix tests/lint/lint.sh:,$(shell tests/lint/lint.sh))
check_vm      = $(if $(filter release,$(VARIANT)),tests/vm/run.sh:6.1)
check_scripts = $(sort $(wildcard tests/scripts/*.sh tests/lint/*_test.sh tests/tools/*_test.py))
run_tests     = LINT_BUILD=$(B) SYMAGREE_BUILD=$(B) UI_BUILD=$(B) CC='$(CC)' CLANG='$(CLANG)' CORPUS=$(corpus) CORPUS_CHECK=$(corpus_check) $(vm_env) tests/run.sh

# What goes to /w of the virtual machines.
vm_programs   = $(addprefix $(B)/workloads/,split syscalls threads faults storm lives)
vm_env        = VM_BUILD=$(B) VM_PROGRAMS='$(vm_programs)' $(if $(check_corpus),$(vm_corpus))
vm_corpus     = VM_CORPUS=$(corpus) VM_CORPUS_CHECK=$(corpus_check)

# The packages come first and in a make of their own: what this one found missing is there in that.
check: ## install what is missing, build, run every test; end-to-end tests need root
	@scripts/deps.sh check
	@$(MAKE) --no-print-directory $(parallel) check-run
check-run: check-build
	$(Q)$(run_tests) $(check_units) $(check_scripts) $(check_symbols) $(check_lint) $(check_ui) -j1 $(check_e2e) $(check_corpus) $(check_vm)
check-build: all $(check_units) $(check_e2e) $(workloads) $(vm_programs) $(B)/demo-workload \
	$(if $(check_corpus),corpus) $(symagree)

check-e2e: all $(check_e2e) $(workloads) ## the program on this kernel; all skipped without BPF privileges
	$(Q)$(run_tests) -j1 $(check_e2e)

KERNELS ?= 5.10 6.1 6.12
check-vm: all $(vm_programs) $(if $(check_corpus),corpus) ## the program on other kernels in qemu: KERNELS="5.10 6.1 6.12", or vmlinuz files
	$(Q)$(vm_env) tests/vm/run.sh $(KERNELS)

check-ui: all ## the pages in chromium; pictures of them are left in build/ui
	$(Q)$(run_tests) $(check_ui)

lint: all ## the rules of the source tree that no compiler checks
	$(Q)$(run_tests) $(check_lint)

repro: ## build twice in different folders: the same bytes?
	@scripts/repro.sh

.PHONY: check check-ui check-run check-build check-e2e check-vm lint repro
