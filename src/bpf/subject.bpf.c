// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A subject gets another table, ends, or is let go of. */
#include "subject.bpf.h"

/* Links a new tally to its `table`, if it has one yet, then to its process: whoever finds it there meets the
 * table that it counts. -ENOSPC: there was no room, and the tally is free again. */
__noinline int subject_begin(__u32 id, __u64 table) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    t->table = table;
    int error = table ? index_insert(table, id) : 0;
    if (!error) {
        error = index_insert(subject_key(t->tgid), id);
        if (error)
            index_remove(table, id);
    }
    if (error) {
        t->signal = 0;
        tally_release(t, id);
    }
    return error;
}

/* The subject has another table now (unshare, execve, close_range); nobody else uses it yet. */
__noinline int subject_move(__u32 id, __u64 table) {
    struct brink_tally* t = tally_of(id);
    if (!t)
        return -ENOENT;
    if (t->table == table || t->flags & BRINK_TALLY_AT_EXEC)
        return 0;
    index_remove(t->table, id);
    t->table = table;
    t->budget = 0;
    if (index_insert(table, id))
        unwatched();
    tally_settle(id, table, BRINK_CAUSE_OPERATION);
    return 0;
}

/* Whether the caller is the one who takes tally `id` out: of several that come at once, the first does it. */
static __always_inline bool take_out(struct brink_tally* t, __u32 id) {
    if (!__sync_lock_test_and_set(&t->signal, 0))
        return false;
    if (t->tgid) /* it is a process */
        index_remove(subject_key(t->tgid), id);
    index_remove(t->table, id);
    return true;
}

/* `exit`, if anyone has heard of the subject. */
static __always_inline void say_exit(struct brink_tally* t, __u32 id,
                                     enum brink_exit_reason reason) {
    if (t->flags & (BRINK_TALLY_NAMED | BRINK_TALLY_REPORTED))
        say(id, BRINK_RECORD_EXIT, next_number(t), 0, reason);
    tally_release(t, id);
}

/* The subject is gone: everything it stood above goes down, then `exit`. */
__noinline int subject_end(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t || !take_out(t, id))
        return -ENOENT;
    if (word_position(t->word)) /* else there is nothing to say */
        tally_settle(id, 0, BRINK_CAUSE_EXIT);
    say_exit(t, id, BRINK_EXIT_ENDED);
    return 0;
}

/* The subject lives on, and is not to be watched any more. Nothing has been crossed. */
__noinline int subject_leave(__u32 id) {
    struct brink_tally* t = tally_of(id);
    if (!t || !take_out(t, id))
        return -ENOENT;
    say_exit(t, id, BRINK_EXIT_UNSELECTED);
    return 0;
}

/* The watch on the subject ends, and the subject lives on. `error`, if not 0, is said as the reason of an `exit`. */
__noinline int subject_drop(__u32 id, __u32 error) {
    struct brink_tally* t = tally_of(id);
    if (!t || !__sync_lock_test_and_set(&t->signal, 0))
        return -ENOENT;
    if (t->tgid) /* it is a process */
        index_remove(subject_key(t->tgid), id);
    index_remove(t->table, id);
    if (error && t->flags & (BRINK_TALLY_NAMED | BRINK_TALLY_REPORTED))
        say(id, BRINK_RECORD_EXIT, next_number(t), 0, error);
    tally_release(t, id);
    return 0;
}
