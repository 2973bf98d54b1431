/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only structs that cross the kernel boundary. Included by the BPF programs (C) and by
 * src/kernel (C++); both sides assert the sizes. Numbers are in base units (counts, bytes,
 * nanoseconds); pids are those of the initial pid namespace unless a name says otherwise. */
#ifndef BRINK_WIRE_H
#define BRINK_WIRE_H

#ifdef __cplusplus
#include <cstdint>
using brink_u8 = std::uint8_t;
using brink_u16 = std::uint16_t;
using brink_u32 = std::uint32_t;
using brink_u64 = std::uint64_t;
#define BRINK_ASSERT_SIZE(type, bytes) static_assert(sizeof(type) == (bytes))
#else
#include <linux/types.h>
typedef __u8 brink_u8;
typedef __u16 brink_u16;
typedef __u32 brink_u32;
typedef __u64 brink_u64;
#define BRINK_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#endif

#define BRINK_MAX_LEVELS 32 /* levels of one watch */
#define BRINK_MAX_WATCHES \
    65535 /* of one set of programs; how many there is room for is set before loading */
#define BRINK_MAX_PER_SUBJECT 16 /* watches on one process */
#define BRINK_MAX_OWNED_PER_SUBJECT \
    8 /* those among them that have an owner: the rest is left for others */
#define BRINK_INDEX_WAYS 4
#define BRINK_INDEX_PROBES 8 /* sets looked at for one key before giving up */
#define BRINK_STACK_BYTES 16384
#define BRINK_STACK_REGS 34

/* ---- levels ------------------------------------------------------------------------------- */

enum brink_level_form {
    BRINK_LEVEL_ABSOLUTE = 0, /* value: the usage itself */
    BRINK_LEVEL_PERCENT = 1,  /* value: thousandths of a per cent of the limit, rounded up */
    BRINK_LEVEL_BELOW = 2,    /* value: distance below the limit */
};

#define BRINK_LEVEL_STACK 1 /* capture the user stack of the operation that crosses upwards */

struct brink_level {
    brink_u64 value;
    brink_u8 form;
    brink_u8 signal_up;   /* sent from the hook to the subject, 0: none */
    brink_u8 signal_down; /* likewise */
    brink_u8 flags;
    brink_u32 reserved;
};
BRINK_ASSERT_SIZE(struct brink_level, 16);

/* What a watch counts: which object of the kernel, and which number of it. */
enum brink_kind {
    BRINK_KIND_DESCRIPTORS = 0, /* files_struct: no number there, the hooks count */
    BRINK_KIND_ADDRESS_SPACE,   /* mm_struct total_vm, and so on; pages as bytes */
    BRINK_KIND_DATA,            /* data_vm */
    BRINK_KIND_STACK,           /* stack_vm */
    BRINK_KIND_LOCKED,          /* locked_vm */
    BRINK_KIND_MAPPINGS,        /* map_count */
    BRINK_KIND_THREADS,         /* signal_struct live */
    BRINK_KIND_RESIDENT,        /* mm_struct rss_stat; pages as bytes */

    /* From here on the subject is no process. Users: ucounts; the first four are rlimit[], in its order. */
    BRINK_KIND_USER_PROCESSES,
    BRINK_KIND_USER_QUEUES,
    BRINK_KIND_USER_SIGNALS,
    BRINK_KIND_USER_LOCKED, /* pages as bytes */
    BRINK_KIND_USER_INOTIFY_INSTANCES,
    BRINK_KIND_USER_INOTIFY_WATCHES,

    /* Cgroups: pids_cgroup, and page counters of mem_cgroup; pages as bytes. */
    BRINK_KIND_CGROUP_PIDS,
    BRINK_KIND_CGROUP_MEMORY,
    BRINK_KIND_CGROUP_MEMORY_HIGH, /* the same counter against another limit */
    BRINK_KIND_CGROUP_SWAP,

    BRINK_KIND_SOCKET_QUEUE, /* struct sock, of TCP and AF_UNIX */
};

static inline int brink_is_shared(brink_u32 kind) {
    return kind >= BRINK_KIND_USER_PROCESSES;
}

enum brink_watch_flag {
    BRINK_WATCH_UP = 1 << 0,
    BRINK_WATCH_DOWN = 1 << 1,
    BRINK_WATCH_INHERIT = 1 << 2,
    BRINK_WATCH_REARM = 1 << 3,
    BRINK_WATCH_SCAN = 1 << 4, /* settle by recounting, not by +1 and -1 */
};

/* Which subjects that are no processes a watch takes as they appear. */
enum brink_take {
    BRINK_TAKE_NONE = 0,
    BRINK_TAKE_ALL = 1,
    BRINK_TAKE_USER = 2, /* that of brink_watch.uid, in all namespaces */
    BRINK_TAKE_ASK = 3,  /* all, and the reader unbinds what it does not want */
};

struct brink_watch {
    struct brink_level levels[BRINK_MAX_LEVELS]; /* as typed, in any order */
    struct brink_level rearm;                    /* with BRINK_WATCH_REARM */
    brink_u32 n_levels;
    brink_u32 flags;
    brink_u32 kind;    /* enum brink_kind */
    brink_u32 serial;  /* tells watches apart that had the same number one after the other */
    brink_u16 owner;   /* in map `owners`; 0: whoever runs brink, who may watch everything */
    brink_u16 account; /* in map `accounts`; 0: none, unbounded */
    brink_u32
        selected;   /* 1 and its bit among the watches that are set by selection; 0: it is not */
    brink_u32 take; /* enum brink_take */
    brink_u32 uid;  /* of BRINK_TAKE_USER */
};
BRINK_ASSERT_SIZE(struct brink_watch, 560);

/* ---- owners ------------------------------------------------------------------------------- */

#define BRINK_OWNER_ALL 1 /* may watch everything */

/* Who set a watch, as the kernel knew them when they connected: whom they may watch, and in which pid namespace they
 * want to hear of it. */
struct brink_owner {
    brink_u64 user_ns;      /* address */
    brink_u64 capabilities; /* effective, the first 32 */
    brink_u32 uid;          /* real, as prlimit(2) has it; in the initial user namespace */
    brink_u32 gid;
    brink_u32 euid;
    brink_u32 user_ns_level;
    brink_u32 pid_ns_level;
    brink_u32 pid_ns_inum;
    brink_u32 flags; /* BRINK_OWNER_... */
    brink_u32 reserved;
};
BRINK_ASSERT_SIZE(struct brink_owner, 48);

/* What the watches of one user take of what all share. */
struct brink_account {
    brink_u64 written;     /* records, by the hooks */
    brink_u64 taken;       /* of them, by the reader */
    brink_u64 dropped;     /* found no room, or were more than max_waiting */
    brink_u64 max_waiting; /* between `written` and `taken` */
    brink_u32 tallies;
    brink_u32 max_tallies;
};
BRINK_ASSERT_SIZE(struct brink_account, 40);

/* Thresholds of a watch under one limit, ascending. at[0] is 0 and at[n + 1]... are
 * BRINK_NEVER, so that position p says: at[p] <= usage < at[p + 1] (without rearm). */
#define BRINK_NEVER ((brink_u64)1 << 56)
struct brink_bounds {
    brink_u64 at[BRINK_MAX_LEVELS + 2];
    brink_u64 rearm;                  /* below it everything goes down at once; 0: no rearm */
    brink_u8 order[BRINK_MAX_LEVELS]; /* order[p - 1]: which level stands at at[p] */
};
BRINK_ASSERT_SIZE(struct brink_bounds, 312);

/* ---- tallies ------------------------------------------------------------------------------ */

/* Where one watch stands on one subject, in one word, so that a change of the count, the level
 * it crosses and the number of the records are decided by one compare-and-swap:
 *
 *   bits  0..25 count       descriptors (in counting: the sum of changes since the tally was linked);
 *                           of no meaning where the kernel has a number
 *   bits 26..31 position    how many levels are passed; BRINK_POS_COUNTING: first count pending
 *   bits 32..35 version     which of the two bounds holds (lowest bit)
 *   bits 36..51 record      number of the next record of this tally
 *   bits 52..63 operation   moves with every recount, so that a stale one cannot be applied
 */
#define BRINK_COUNT_BITS 26
#define BRINK_COUNT_MASK (((brink_u64)1 << BRINK_COUNT_BITS) - 1)
#define BRINK_POS_SHIFT 26
#define BRINK_POS_MASK 63
#define BRINK_POS_COUNTING 63
#define BRINK_VERSION_SHIFT 32
#define BRINK_VERSION_MASK 15
#define BRINK_RECORD_SHIFT 36
#define BRINK_RECORD_MASK 0xffff
#define BRINK_OP_SHIFT 52
#define BRINK_OP_MASK 0xfff

enum brink_tally_flag {
    BRINK_TALLY_NAMED = 1 << 0,    /* the subject was named by the user */
    BRINK_TALLY_THREAD = 1 << 1,   /* subject is one thread (pid holds its tid) */
    BRINK_TALLY_REPORTED = 1 << 2, /* an event of this subject was reported */
    BRINK_TALLY_AT_EXEC = 1 << 3,  /* comes into force when the subject executes */
    BRINK_TALLY_SCAN = 1 << 4,     /* settled by recounting (BRINK_WATCH_SCAN), or by reading */
};

struct brink_tally {
    brink_u64 word;
    brink_u64 table;  /* address of the object counted (enum brink_kind); 0: not linked */
    brink_u64 signal; /* address of the subject's signal_struct (its rlimits); of a subject that is
                              * no process, where its limit is: the object, or of USER_… with an rlimit
                              * the number of this tally */
    brink_u64 leader; /* address of the task that stands for the subject */
    brink_u64 start_time_ns; /* 0: not asked yet; no record has been written */
    brink_u64 limit;
    brink_u64 limit_hard;
    brink_u64 dropped; /* records of this tally that found no room */

    /* Of a subject that is no process. */
    brink_u64 subject_id; /* user: namespace << 32 | uid; cgroup: its id; socket: its inode */
    brink_u64
        lowest; /* of the soft limits of a user's processes, as far as known; and its hard one */
    brink_u64 lowest_hard;
    brink_u64 gathered; /* the same, while BRINK_COMMAND_BIND goes through the processes */
    brink_u64 gathered_hard;

    brink_u32 pid; /* of the process, or of the thread with BRINK_TALLY_THREAD */
    brink_u32 tgid;
    brink_u16 watch;
    brink_u16 kind;       /* of the watch */
    brink_u32 generation; /* grows each time the slot is used anew */
    brink_u32 flags;
    int budget;        /* BRINK_WATCH_SCAN: changes left before a recount is due */
    brink_u32 lock;    /* held while the bounds are rewritten */
    brink_u32 near_fd; /* a descriptor of this number or higher: the limit is in sight */
    brink_u32 serial;  /* of the watch */
    brink_u16 owner;   /* likewise */
    brink_u16 account; /* likewise */
    struct brink_bounds bounds[2];
};
BRINK_ASSERT_SIZE(struct brink_tally, 768);

/* One set of the index (src/bpf/index.bpf.h). */
struct brink_index_set {
    brink_u64 key[BRINK_INDEX_WAYS];
    brink_u32 tally[BRINK_INDEX_WAYS];
    brink_u32 spill; /* entries that belong here and stand in a later set */
    brink_u32 reserved[3];
};
BRINK_ASSERT_SIZE(struct brink_index_set, 64);

/* ---- records ------------------------------------------------------------------------------ */

enum brink_record_type {
    BRINK_RECORD_CROSSING = 1,
    BRINK_RECORD_INITIAL = 2,
    BRINK_RECORD_DENIED = 3,
    BRINK_RECORD_LIMIT = 4,
    BRINK_RECORD_EXIT = 5,
    BRINK_RECORD_RESYNC = 6,
    BRINK_RECORD_STACK = 7, /* struct brink_stack_record; precedes the record it belongs to */
    BRINK_RECORD_ARMED = 8, /* the subject executed; the watch is in force */
    BRINK_RECORD_NEAR = 9,  /* half of the limit is reached: refusals are to be looked for */
    BRINK_RECORD_WAKE =
        10, /* of no tally: counts may be off or pending, or a process is not watched */
    BRINK_RECORD_BEGIN = 12, /* a subject that is no process has appeared; its first record */
    BRINK_RECORD_LOST = 11,  /* from the reader, not the ring: `usage` records are missing here */
};

/* Why a subject is watched no longer: errno_value of BRINK_RECORD_EXIT. */
enum brink_exit_reason {
    BRINK_EXIT_ENDED = 0,
    BRINK_EXIT_FORBIDDEN = 1,  /* EPERM: it lives on, and may not be watched */
    BRINK_EXIT_UNSELECTED = 2, /* it lives on, and is not of the selection any more */
};

enum brink_cause { BRINK_CAUSE_OPERATION = 0, BRINK_CAUSE_LIMIT = 1, BRINK_CAUSE_EXIT = 2 };

/* `cause` of BRINK_RECORD_DENIED: what became of it, where no system call failed with an errno. */
enum brink_refusal {
    BRINK_REFUSAL_ERRNO = 0,
    BRINK_REFUSAL_MAX,      /* it met the limit; memory is given back first */
    BRINK_REFUSAL_HIGH,     /* slowed down, and made to give memory back */
    BRINK_REFUSAL_OOM,      /* nothing could be given back */
    BRINK_REFUSAL_OOM_KILL, /* a process was killed */
    BRINK_REFUSAL_FAIL,     /* no swap was there */
    BRINK_REFUSAL_DROP,     /* a packet was dropped: who sent it tries again, or gives up */
};

enum brink_record_flag {
    BRINK_RECORD_UP = 1 << 0,
    BRINK_RECORD_SIGNALLED = 1 << 1, /* the hook has sent the level's signal */
    BRINK_RECORD_HAS_STACK = 1 << 2,
    BRINK_RECORD_NAMED = 1 << 3,
    BRINK_RECORD_THREAD = 1 << 4,
};
#define BRINK_RECORD_ACCOUNT_SHIFT \
    16 /* above it in the flags: the account that it was written on */

/* Where the subject is no process, cgroup_id is what it is known by (brink_tally.subject_id), and everything else of a
 * process (pid, start_time_ns, uid, comm …) is about the one that acted; 0 where that is not known. */
struct brink_record {
    brink_u32 type;
    brink_u32 tally;
    brink_u32 generation;
    brink_u32 watch;
    brink_u64 monotonic_ns;
    brink_u64 start_time_ns; /* of the subject, CLOCK_BOOTTIME */
    brink_u64 usage;
    brink_u64 level;
    brink_u64 limit;
    brink_u64 limit_hard;
    brink_u64 old_limit; /* BRINK_RECORD_LIMIT; of BRINK_RECORD_DENIED how often, 0: once */
    brink_u64 cgroup_id;
    brink_u32 pid;
    brink_u32 tid;    /* who acted; 0 where nobody did */
    brink_u32 ns_pid; /* both again, as numbers of the owner's pid namespace; 0: invisible */
    brink_u32 ns_tid;
    brink_u32 ppid; /* in the owner's pid namespace */
    brink_u32 uid;
    brink_u32 errno_value; /* BRINK_RECORD_DENIED; of an EXIT: enum brink_exit_reason */
    brink_u16 number;      /* of this record among those of its tally, modulo 65536 */
    brink_u8 level_index;
    brink_u8 cause;
    brink_u32 flags;
    brink_u32 serial; /* of the watch */
    char comm[16];
};
BRINK_ASSERT_SIZE(struct brink_record, 136);

/* User registers and the top of the user stack at the crossing: enough to unwind code that
 * keeps no frame pointers. Register order: that of DWARF on the architecture, then the ip. */
struct brink_stack_record {
    brink_u32 type; /* BRINK_RECORD_STACK */
    brink_u32 tally;
    brink_u32 generation;
    brink_u16 number;
    brink_u16 n_regs;
    brink_u32 pid;
    brink_u32 tid;
    brink_u32 n_bytes;
    brink_u32 reserved;
    brink_u64 sp;
    brink_u64 regs[BRINK_STACK_REGS];
    brink_u8 bytes[BRINK_STACK_BYTES];
};
BRINK_ASSERT_SIZE(struct brink_stack_record, 40 + 8 * BRINK_STACK_REGS + BRINK_STACK_BYTES);

/* What a system call can do, for the tracepoint engine; 0: nothing that matters here. */
enum brink_effect {
    BRINK_EFFECT_SMALL = 1 << 0,      /* adds or takes out two descriptors at most */
    BRINK_EFFECT_ANY = 1 << 1,        /* adds or takes out any number */
    BRINK_EFFECT_TABLE = 1 << 2,      /* may give the caller another table */
    BRINK_EFFECT_LIMIT = 1 << 3,      /* may change a limit of the caller: setrlimit */
    BRINK_EFFECT_PRLIMIT = 1 << 4,    /* may change a limit of any process: prlimit64 */
    BRINK_EFFECT_ALL_LIMITS = 1 << 5, /* the same, and its arguments are not looked at */
    BRINK_EFFECT_MEMORY = 1 << 6,     /* may be refused memory */
    BRINK_EFFECT_IDS = 1 << 7,        /* may change user and group ids */
    BRINK_EFFECT_SELECTION = 1 << 8,  /* may change whom a selection means: user ids, policies */
};

/* ---- selections --------------------------------------------------------------------------- */

#define BRINK_MAX_SELECTORS 64
#define BRINK_MAX_SELECTED 64       /* watches that are set by selection */
#define BRINK_MAX_SELECTOR_NAMES 64 /* of all selectors together */
#define BRINK_NAME_BYTES 256        /* NAME_MAX and the 0 after it */

enum brink_select_by {
    BRINK_SELECT_ALL,
    BRINK_SELECT_COMM,      /* of the main thread */
    BRINK_SELECT_EXE,       /* the names of its path, from the root */
    BRINK_SELECT_USER,      /* the real uid */
    BRINK_SELECT_REALTIME,  /* some thread is SCHED_FIFO, SCHED_RR or SCHED_DEADLINE */
    BRINK_SELECT_CGROUP,    /* the names of its path, from the root; those below it, too */
    BRINK_SELECT_UNIT,      /* one name, which some cgroup of the path has */
    BRINK_SELECT_CONTAINER, /* one name, which is in that of some cgroup of the path */
};

/* Whom watches are set on where that is more than one process. */
struct brink_selector {
    brink_u64 watches; /* a bit for each */
    brink_u32 by;      /* enum brink_select_by */
    brink_u32 uid;
    brink_u32 first_name; /* where its names begin among those of all selectors */
    brink_u32 n_names;
    char comm[16];
};
BRINK_ASSERT_SIZE(struct brink_selector, 40);

struct brink_selector_name {
    char text[BRINK_NAME_BYTES]; /* zeros behind it */
    brink_u32 bytes;             /* less than BRINK_NAME_BYTES */
    brink_u32 reserved;
};
BRINK_ASSERT_SIZE(struct brink_selector_name, 264);

/* ---- commands (BPF_PROG_TEST_RUN of on_command, in the context of brink) ------------------- */

enum brink_command_kind {
    BRINK_COMMAND_LEARN = 0,  /* addresses and namespace of brink itself; first of all */
    BRINK_COMMAND_BIND = 1,   /* link watch to the task behind proc_fd */
    BRINK_COMMAND_UNBIND = 2, /* take tally out */
    BRINK_COMMAND_COUNT = 3,  /* one sample (in `error`) for a tally whose first count is pending */
    BRINK_COMMAND_COMMIT = 4, /* settle on `base`; says `initial` */
    BRINK_COMMAND_CHECK = 5,  /* recount, and say how far the tally is off */
    BRINK_COMMAND_RESYNC = 6, /* correct the tally by `base` (signed); says `resync` */
    BRINK_COMMAND_OWNER =
        7, /* whoever connected the socket proc_fd becomes owner `watch`; `flags`: BRINK_OWNER_... */
    BRINK_COMMAND_DROP = 8,   /* take tally out, say nothing */
    BRINK_COMMAND_SELECT = 9, /* hold the process behind proc_fd against the selections */
    BRINK_COMMAND_LIMITS =
        10, /* of a user: the limits gathered from its processes hold from now on */
};

struct brink_command {
    brink_u32 kind;
    brink_u32 watch;
    int proc_fd;     /* a descriptor of /proc/PID or /proc/TID; of a cgroup's directory */
    brink_u32 flags; /* enum brink_tally_flag */
    brink_u32 tally;
    brink_u32 generation;
    brink_u64 base;
};
BRINK_ASSERT_SIZE(struct brink_command, 32);

struct brink_answer {
    int error; /* 0 or a negative errno */
    brink_u32 tally;
    brink_u32 generation;
    brink_u32 ns_pid; /* BIND: in the owner's pid namespace; 0: invisible there */
    brink_u64
        base; /* CHECK: what the table holds; COUNT: 1 if nobody can be at work on the table */
    brink_u64 usage; /* CHECK: what the tally says */
};
BRINK_ASSERT_SIZE(struct brink_answer, 32);

#endif
