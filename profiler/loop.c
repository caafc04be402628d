/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "err.h"
#include "fdutil.h"
#include "pipeline.h"

enum source {
	SOURCE_RING,
	SOURCE_WINDOW,
	SOURCE_DURATION,
	SOURCE_SIGNAL,
	SOURCE_CHILD,
	SOURCE_TABLES,
	SOURCE_PROCESSES,
	SOURCE_PAUSE,
};

/*
 * A program that starts is looked at in the same millisecond, so that its unwind tables are there
 * for its first samples; but processes may do thousands of things a second: after so many looks in
 * one go there is one in each interval.
 */
#define LOOK_INTERVAL_NS (10 * 1000000ull)
#define LOOKS_AT_ONCE	 20

/*
 * What this thread has to look at is gone in milliseconds, and costs a few per cent of a CPU: where
 * dozens of tasks want one, it must not wait for its turn among them. It does where that is not
 * allowed (CAP_SYS_NICE).
 */
#define AHEAD_OF_OTHERS	 (-10)

struct loop {
	const struct loop_opts *o;
	uint64_t looked_ns; /* when all looks so far are paid for, one in LOOK_INTERVAL_NS */
	int epoll_fd, window_fd, duration_fd, signal_fd, pause_fd;
	bool ended;
	enum loop_end end;
	struct signalfd_siginfo signal;
};

void loop_signals(sigset_t *ret)
{
	struct sigaction act;

	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	if (sigaction(SIGHUP, NULL, &act) == 0 && act.sa_handler != SIG_IGN)
		sigaddset(ret, SIGHUP);
}

void loop_block_signals(void)
{
	sigset_t set;

	loop_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int watch(struct loop *l, int fd, enum source source)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = source };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static struct itimerspec timing(uint64_t first_ns, uint64_t every_ns)
{
	return (struct itimerspec){
		.it_value = { (time_t)(first_ns / NSEC_PER_SEC), (long)(first_ns % NSEC_PER_SEC) },
		.it_interval = { (time_t)(every_ns / NSEC_PER_SEC),
				 (long)(every_ns % NSEC_PER_SEC) },
	};
}

static int timer(uint64_t first_ns, uint64_t every_ns, int *ret)
{
	const struct itimerspec spec = timing(first_ns, every_ns);
	_cleanup_close_ int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL) < 0)
		return -errno;
	*ret = take_fd(&fd);
	return 0;
}

/* Processes are watched for one event at a time: see on_processes(). */
static int watch_processes(struct loop *l, int how)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.u32 = SOURCE_PROCESSES };
	int fd = pipeline_processes_fd(l->o->pipeline);

	return fd >= 0 && epoll_ctl(l->epoll_fd, how, fd, &ev) < 0 ? -errno : 0;
}

static int open_sources(struct loop *l)
{
	const struct loop_opts *o = l->o;
	uint64_t window_ns = o->window_ms * 1000000ull;
	sigset_t set;
	int r;

	loop_signals(&set);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->signal_fd < 0)
		return -errno;
	if ((r = timer(window_ns, window_ns, &l->window_fd)) < 0 ||
	    (r = watch(l, pipeline_poll_fd(o->pipeline), SOURCE_RING)) < 0 ||
	    (r = watch(l, l->window_fd, SOURCE_WINDOW)) < 0 ||
	    (r = watch(l, l->signal_fd, SOURCE_SIGNAL)) < 0)
		return r;
	if ((r = timer(0, 0, &l->pause_fd)) < 0 || (r = watch(l, l->pause_fd, SOURCE_PAUSE)) < 0 ||
	    (r = watch_processes(l, EPOLL_CTL_ADD)) < 0)
		return r;
	if (pipeline_tables_fd(o->pipeline) >= 0 &&
	    (r = watch(l, pipeline_tables_fd(o->pipeline), SOURCE_TABLES)) < 0)
		return r;
	if (o->duration_ns && ((r = timer(o->duration_ns, 0, &l->duration_fd)) < 0 ||
			       (r = watch(l, l->duration_fd, SOURCE_DURATION)) < 0))
		return r;
	return o->child && o->child->pidfd >= 0 ? watch(l, o->child->pidfd, SOURCE_CHILD) : 0;
}

static void close_sources(struct loop *l)
{
	const int fds[] = { l->epoll_fd, l->window_fd, l->duration_fd, l->signal_fd, l->pause_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void end(struct loop *l, enum loop_end why)
{
	if (l->ended)
		return;
	l->ended = true;
	l->end = why;
}

/*
 * Whether a process or thread can still run: a zombie waits for its parent only, but a process
 * whose first thread is one may have others. proc_pid_stat(5): "PID (COMM) STATE", number of
 * threads in 20.
 */
static bool is_alive(uint32_t id)
{
	_cleanup_free_ char *text = NULL;
	char path[32], *s, state = 'X';
	long threads = 0;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%u/stat", id);
	if (read_whole_file(path, 4096, &text, &n) < 0)
		return false;
	s = strrchr(text, ')');
	if (!s ||
	    sscanf(s, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld",
		   &state, &threads) != 2)
		return true; /* it is there, whatever it is */
	return (state != 'Z' && state != 'X') || threads > 1;
}

/* Whether some are; those that are not are given up, for their numbers may be others' soon. */
static bool targets_alive(const struct loop_opts *o)
{
	bool some = o->n_targets == 0;

	for (size_t i = 0; i < o->n_targets; i++)
		if (is_alive(o->targets[i]))
			some = true;
		else
			pipeline_drop_target(o->pipeline, o->targets[i]);
	return some;
}

static int on_window(struct loop *l)
{
	const struct loop_opts *o = l->o;
	uint64_t expired;
	int r;

	if (read(l->window_fd, &expired, sizeof(expired)) < 0)
		return errno == EAGAIN ? 0 : -errno;
	r = pipeline_end_window(o->pipeline);
	if (r < 0)
		return r;
	if (o->child && child_has_ended(o->child))
		end(l, LOOP_COMMAND);
	if (!targets_alive(o))
		end(l, LOOP_TARGETS_GONE);
	if (o->on_window)
		o->on_window(o->ctx, o->pipeline);
	return 0;
}

/* Listens, and goes on listening or pauses first. */
static int on_processes(struct loop *l)
{
	const uint64_t now = clock_mono_ns(), ahead = LOOKS_AT_ONCE * LOOK_INTERVAL_NS;
	struct itimerspec pause;

	pipeline_read_processes(l->o->pipeline);
	l->looked_ns = (l->looked_ns > now ? l->looked_ns : now) + LOOK_INTERVAL_NS;
	if (l->looked_ns <= now + ahead)
		return watch_processes(l, EPOLL_CTL_MOD);
	pause = timing(l->looked_ns - now - ahead, 0);
	return timerfd_settime(l->pause_fd, 0, &pause, NULL) < 0 ? -errno : 0;
}

static int on_pause_over(struct loop *l)
{
	uint64_t expired;

	if (read(l->pause_fd, &expired, sizeof(expired)) < 0)
		return errno == EAGAIN ? 0 : -errno;
	return watch_processes(l, EPOLL_CTL_MOD);
}

static int dispatch(struct loop *l, enum source source)
{
	switch (source) {
	case SOURCE_RING:
		return pipeline_read(l->o->pipeline);
	case SOURCE_WINDOW:
		return on_window(l);
	case SOURCE_DURATION:
		end(l, LOOP_DURATION);
		return 0;
	case SOURCE_SIGNAL:
		if (read(l->signal_fd, &l->signal, sizeof(l->signal)) == sizeof(l->signal))
			end(l, LOOP_SIGNAL);
		return 0;
	case SOURCE_CHILD:
		if (child_has_ended(l->o->child))
			end(l, LOOP_COMMAND);
		return 0;
	case SOURCE_TABLES:
		pipeline_install_tables(l->o->pipeline);
		return 0;
	case SOURCE_PROCESSES:
		return on_processes(l);
	case SOURCE_PAUSE:
		return on_pause_over(l);
	}
	return 0;
}

static int turn(struct loop *l)
{
	struct epoll_event events[8];
	int n = epoll_wait(l->epoll_fd, events, 8, -1), r = 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n && r >= 0; i++)
		r = dispatch(l, (enum source)events[i].data.u32);
	return r;
}

int loop_run(const struct loop_opts *o, enum loop_end *ret_end, struct err *e)
{
	struct loop l = {
		.o = o,
		.epoll_fd = -1,
		.window_fd = -1,
		.duration_fd = -1,
		.signal_fd = -1,
		.pause_fd = -1,
	};
	int r = open_sources(&l), nice_before = getpriority(PRIO_PROCESS, 0);

	(void)setpriority(PRIO_PROCESS, 0, nice_before + AHEAD_OF_OTHERS); /* of this thread */
	while (r >= 0 && !l.ended)
		r = turn(&l);
	pipeline_stop(o->pipeline);
	if (r >= 0)
		r = pipeline_end_window(o->pipeline);
	(void)setpriority(PRIO_PROCESS, 0, nice_before);
	close_sources(&l);
	if (o->child && l.signal.ssi_signo)
		child_pass_on(o->child, (int)l.signal.ssi_signo, l.signal.ssi_code);
	if (r < 0)
		return err_set(e, r, "cannot go on recording: %m; what was recorded is given up");
	*ret_end = l.end;
	return 0;
}
