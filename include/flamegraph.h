/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a profile. What is text is in report.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;
struct profile;
