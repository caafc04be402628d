/* SPDX-License-Identifier: Apache-2.0 */
/* `wick doctor --verify-unwind`: samples the machine and compares what two unwinders make of it. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "doctor.h"
#include "err.h"
#include "live.h"
#include "log.h"
#include "loop.h"
#include "pidns.h"
#include "pipeline.h"
#include "verify.h"
#include "verify_report.h"

#define WINDOW_MS 1000
#define RATE_HZ	  49 /* each tick brings a copy of its stack */

DEFINE_CLEANUP(struct pipeline *, pipeline_free)

static int sample(struct pipeline *p, uint64_t duration_ns, struct err *e)
{
	const struct loop_opts lo = {
		.pipeline = p,
		.window_ms = WINDOW_MS,
		.duration_ns = duration_ns,
	};
	enum loop_end why;
	int r = pipeline_start(p, e);

	return r < 0 ? r : loop_run(&lo, &why, e);
}

static int verify(struct verify *v, uint64_t duration_ns, FILE *out, struct err *e)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	struct pipeline_opts o = {
		.sampler = { .rate_hz = RATE_HZ,
			     .window_ms = WINDOW_MS,
			     .verify_per_cpu = 2 * RATE_HZ },
		.freq_hz = RATE_HZ,
		.verify = v,
	};
	uint64_t start = clock_mono_ns();
	struct tally tally;
	int r = verify_init(v);

	event_list_default(RATE_HZ, &o.sampler.events);
	loop_block_signals();
	if (r < 0 || (r = pipeline_new(&p, &o, e)) < 0 || (r = sample(p, duration_ns, e)) < 0 ||
	    (r = pipeline_tally(p, &tally)) < 0)
		return r;
	verify_sort(v);
	verify_write(out, v, tally.recorded, clock_mono_ns() - start);
	return 0;
}

int doctor_verify(uint64_t duration_ns, FILE *out)
{
	_cleanup_(verify_done) struct verify v = { 0 };
	struct err e = { 0 };
	uint32_t inum;
	int r = pidns_find(&inum, &e);

	if (r == 0 && inum)
		live_left_out();
	if (r == 0)
		r = verify(&v, duration_ns, out, &e);
	if (r < 0) {
		log_error("%s", e.text[0] ? e.text : strerror(-r));
		return 1;
	}
	if (fflush(out) != 0 || ferror(out)) {
		log_error("cannot write the report: %s", strerror(errno));
		return 1;
	}
	return verify_passes(&v) ? 0 : 1;
}
