/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for the person at the terminal, on standard error. Called by commands only; libraries
 * return errors and count. Control characters in arguments are replaced, so that names taken from
 * foreign files cannot drive the terminal. */
#pragma once

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/* Messages above @level are not written; the default is LOG_INFO. */
void log_set_level(enum log_level level);

/* Writes "wick: MESSAGE\n", with "warning: " before a warning, in one write. */
void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_msg(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_msg(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)
