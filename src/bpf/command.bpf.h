/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands of brink have in common: the command and its answer. */
#ifndef BRINK_COMMAND_BPF_H
#define BRINK_COMMAND_BPF_H

#include "identity.bpf.h"
#include "wire.h"

struct brink_command command __weak;
struct brink_answer answer __weak;

#endif
