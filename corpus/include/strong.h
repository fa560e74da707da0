/* SPDX-License-Identifier: GPL-2.0-only */
/* The same, but objects do not open where a kernel function is missing that they name. */
#pragma once

#define KFUNCS_MUST_BE_THERE
#include "corpus.h"
