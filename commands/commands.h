/* SPDX-License-Identifier: Apache-2.0 */
/* The commands. Each parses its own options (argv[0] is its name), prints its own errors and
 * returns the exit status: 0, 1 for a failure, 2 for wrong usage. */
#pragma once

int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_flame(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_symbolize(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
