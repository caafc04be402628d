/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From places in an object to names. The whole room is behind one call: a batch of offsets in one
 * open file goes in, frames come out as flat arrays without pointers into the symbolizer, so that
 * it can be moved into a process of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbolizer;

/* Why an address has no name, or that it has one. "Could not symbolize" is data, not an error. */
enum sym_reason {
	SYM_OK,
	SYM_NO_FILE,	/* the object could not be opened when it was first seen */
	SYM_BAD_FILE,	/* not an ELF file, or a broken one */
	SYM_NO_SYMBOLS, /* stripped: the object has no symbol table that holds code */
	SYM_NO_MATCH,	/* no symbol covers the address */
	SYM_LIMIT, /* the file, or what it takes to find the address, is more than may be read */
	SYM_UNSUPPORTED, /* an ELF file of a kind that is not read: see allow_libdw */
	SYM_HIDDEN,	 /* the kernel hides its addresses (kernel.kptr_restrict) */
	SYM_REASON_MAX,
};

/* A short text for each reason: "no symbols", … Never NULL. */
const char *sym_reason_text(enum sym_reason reason);

enum sym_kind {
	SYM_ELF,    /* `offs` are offsets in the file */
	SYM_VADDR,  /* `offs` are the object's own addresses, as its symbol table counts them; in a
		     * relocatable file, of the first section with code that is large enough */
	SYM_KERNEL, /* `offs` are kernel addresses; the file is not used */
	SYM_JIT,    /* `offs` are addresses of a process that made code; `jit` says what it wrote */
};

enum sym_jit_format {
	SYM_JIT_JITDUMP, /* jit-PID.dump */
	SYM_JIT_PERFMAP, /* perf-PID.map */
};

enum { SYM_JIT_FILES = 3 }; /* of one process */

/* A time, CLOCK_MONOTONIC, and the size that each file had then. */
struct sym_jit_when {
	uint64_t time_ns;
	uint64_t bytes[SYM_JIT_FILES];
};

/*
 * The files in which a process names the code that it makes, the one to be asked first in front,
 * and what was known of them when the samples were taken: the same address is different code at
 * different times.
 */
struct sym_jit {
	struct sym_jit_file {
		enum sym_jit_format format;
		int fd; /* regular, open for reading at any position */
	} files[SYM_JIT_FILES];
	size_t n_files;
	const struct sym_jit_when *when; /* of each offset */
};

/* What is asked. Borrowed during the call. */
struct sym_request {
	enum sym_kind kind;
	int fd;		      /* the object, open for reading at any position; -1 = SYM_NO_FILE */
	const char *build_id; /* lowercase hex, "" when it has none: names the object in caches */
	const char *path;     /* where it was found, for its .gnu_debuglink; NULL = unknown */
	int root_fd_plus1; /* directory that is the root of the process it ran in, plus 1; 0 = this
			      one's */
	const struct sym_jit *jit; /* SYM_JIT: in place of fd, build_id, path and root_fd_plus1 */
	bool no_inlines;	   /* only the function that the code was compiled into */
	bool no_system_names;	   /* they are not asked for: some may be "" */
	bool last; /* nothing else will be asked of the object: what was read for it need not stay */
	const uint64_t *offs;	   /* ascending or not, repeats allowed */
	size_t n;
};

/* One frame. Names are offsets into sym_batch.strings; 0 is "". */
struct sym_frame {
	uint32_t name;	      /* demangled */
	uint32_t system_name; /* as in the symbol table */
	uint32_t file;	      /* source file */
	uint32_t module;      /* kernel: "" or the module's name; else "" */
	uint32_t line;	      /* 0 = unknown */
	uint32_t start_line;  /* where the function begins; 0 = unknown */
};

/* The answer to offs[i] is answers[i]: its frames from the innermost inlined function outwards. Answers may share
 * frames. */
struct sym_answer {
	uint32_t frame_first, frame_n; /* n == 0 unless reason == SYM_OK */
	enum sym_reason reason;
};

struct sym_batch {
	struct sym_answer *answers; /* n of the request */
	struct sym_frame *frames;
	size_t n_frames;
	char *strings;	  /* NUL-terminated strings one after another; strings[0] == '\0' */
	size_t n_strings; /* bytes */
};

struct symbolizer_opts {
	const char *kallsyms;	/* path; NULL = /proc/kallsyms */
	size_t max_file_bytes;	/* larger objects answer SYM_LIMIT; 0 = 16 GiB */
	size_t max_cache_bytes; /* indexes kept between calls; 0 = 64 MiB */
	size_t max_inflated;	/* of one object's compressed sections in memory; 0 = 1 GiB */
	const char *const *debug_dirs; /* borrowed; where debug files lie; NULL-terminated; NULL =
					  /usr/lib/debug */
	const char *store_dir;	       /* indexes kept on disk, by build id; NULL = none */
	/*
	 * Read files of 32 bits, of the other byte order and relocatable ones, too, by libdw, which
	 * was not made for files of an enemy. For files that a person chose; what records a whole
	 * machine as root reads files of whoever runs a program there, and leaves it off.
	 */
	bool allow_libdw;
	/*
	 * Ask debuginfod servers for debug files that are nowhere here, in the background: it tells
	 * them which programs run. Until one has come its object answers from its symbols.
	 */
	bool debuginfod;
	uint64_t debug_refresh_ns; /* debug files that were not there are looked for again; 0 = 60 s
				    */
	unsigned threads;	   /* that build an index; 0 = one a CPU, at most 8 */
	uint64_t kernel_refresh_ns; /* kallsyms is read again for unknown addresses; 0 = 10 s */
};

/* What the cache of objects did. */
struct symbolizer_stats {
	uint64_t hits, loads, evictions;
	uint64_t no_split; /* units whose functions are in a file .dwo or .dwp that was not there */
	uint64_t no_alt;   /* debug files whose common file, which dwz made, was not there */
	/* Units of debug information that could not be read, and those that ask for more than may
	 * be read: each time it was tried. */
	uint64_t broken, limited;
	size_t objects, bytes; /* held now */
	/* Debug files that servers were asked for, or would have been, and did not send, nor say that there are none. */
	struct symbolizer_fetching {
		uint64_t timed_out;
		uint64_t failed;  /* no server could be reached, or what came was no use */
		uint64_t skipped; /* not asked for any more after too many of these */
		uint64_t late; /* addresses were answered before they came; they did then, or may */
		int error; /* of the first that failed: -errno, -EBADMSG = not what was asked for */
	} fetching;
};

/*
 * 0 and *@ret (free with symbolizer_free()) or -ENOMEM; with debuginfod also -EDESTADDRREQ when
 * DEBUGINFOD_URLS names no server, -ENOSYS when its library is not there, -errno of starting a
 * thread.
 */
int symbolizer_new(struct symbolizer **ret, const struct symbolizer_opts *opts);
void symbolizer_free(struct symbolizer *s);

/* How many threads a question takes at most. */
unsigned symbolizer_threads(const struct symbolizer *s);

/*
 * Names every offset of @req. 0 and *@ret (release with sym_batch_done()) — also when none of them
 * has a name — or -ENOMEM. Not thread-safe: one symbolizer a thread.
 */
int symbolizer_run(struct symbolizer *s, const struct sym_request *req, struct sym_batch *ret);
void sym_batch_done(struct sym_batch *b);

/*
 * Keeps what was read on disk, in store_dir, for the next time, if that is worth it. To be called
 * when nobody waits for an answer: it can take as long as many of them. What it was not called for
 * is kept when another object is asked for, and lost when the symbolizer is freed. 0, also when it
 * cannot be kept, or -ENOMEM.
 */
int symbolizer_save(struct symbolizer *s);

/*
 * Loads the object of @req (SYM_ELF, SYM_VADDR) as symbolizer_run() would, and names nothing: what
 * it lacks has then been asked for. 0; 1 when the answer to that has not come, or as many questions wait as may:
 * it is to be called again then, because what comes may lack something, too; or -ENOMEM.
 */
int symbolizer_prepare(struct symbolizer *s, const struct sym_request *req);

/* Waits until debuginfod has answered all that was asked, at most @ms: 0, -ETIMEDOUT. */
int symbolizer_wait(struct symbolizer *s, unsigned ms);

struct symbolizer_stats symbolizer_stats(const struct symbolizer *s);

/*
 * The build id of an ELF file: lowercase hex with its NUL in @ret. 0, -ENOENT when it has none,
 * -EBADMSG when it is no ELF file, -ENOTSUP for a core file, -errno of reading it.
 */
#define BUILD_ID_HEX_MAX 129
int elf_build_id(int fd, char ret[BUILD_ID_HEX_MAX]);

/* The running kernel's build id from /sys/kernel/notes: as above. */
int kernel_build_id(char ret[BUILD_ID_HEX_MAX]);

/*
 * Bounds of the running kernel's text: _stext and _etext (or the first and last text symbol).
 * 0, -EPERM when kptr_restrict hides addresses, -errno.
 */
int symbolizer_kernel_range(struct symbolizer *s, uint64_t *ret_start, uint64_t *ret_end);
