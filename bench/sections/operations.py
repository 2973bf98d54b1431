# SPDX-License-Identifier: Apache-2.0
"""The rows of the tables of what an operation costs in guests."""

OPEN, COLD, DUP, CONNECT = "open_close", "open_close_cold", "dup_close", "connect_accept"
FORK, EXEC, NULL = "fork_exit", "fork_exec_exit", "null_syscall"
MMAP, BRK, FAULT, THREAD = "mmap_munmap", "brk_pair", "page_fault", "thread_join"
WAKE = "wakeup_pair"
NAMES = {OPEN: "open + close", COLD: "open + close, nothing of the disk in the page cache", DUP: "dup + close",
         CONNECT: "TCP connect + accept + close, on loopback", FORK: "fork + exit", EXEC: "fork + exec + exit",
         NULL: "empty system call", MMAP: "mmap + munmap of 16 pages", BRK: "brk up and down by 16 pages",
         FAULT: "first write to a page", THREAD: "thread created and joined",
         WAKE: "two wake-ups: a byte to a thread, one back"}

# Topic, and its rows: what the row is called, the loop, the case, the case that it is compared with
# (None: the same one without brink), the bound of the ratio.
TOPICS = [
    ("Open and close", "One open and close of a file on tmpfs. The limit is 100 000 unless said.", [
        ("watched, `:up`", OPEN, "up", None, 1.045),
        ("watched, both directions", OPEN, "both", None, 1.085),
        ("both directions, 10 descriptors open, one to two below a level", OPEN, "hover_10", None, 1.09),
        ("both directions, 10 000 descriptors open, one to two below a level", OPEN, "hover_10000", None, 1.09),
        ("the same with 1000 descriptors open and a limit of 1100: refusals are watched for as well", OPEN,
         "hover_limit", None, 1.09),
        ("not watched, while another process is, `:up`", OPEN, "other_up", None, 1.04),
        ("not watched, while another process is, both directions", OPEN, "other_both", None, 1.075),
    ]),
    ("Open and close with a cold page cache", "One open and close of each of 1000 files on an ext4 of a disk, after the "
     "kernel's caches were dropped: what the process itself executes, without waiting for the disk.", [
         ("watched, `:up`", COLD, "up", None, None),
         ("watched, both directions", COLD, "both", None, None),
         ("not watched, while another process is, both directions", COLD, "other_both", None, None),
         ("Linux audit, with one rule as below", COLD, "audit", "after", None),
         ("audit with its rules deleted and itself disabled", COLD, "audit_off", "after", None),
     ]),
    ("Other operations on descriptors", "While `nofile` is watched.", [
        (f"{NAMES[DUP]}, watched, `:up`", DUP, "up", None, None),
        (f"{NAMES[DUP]}, watched, both directions", DUP, "both", None, None),
        (f"{NAMES[DUP]}, another process watched, both directions", DUP, "other_both", None, None),
        (f"{NAMES[CONNECT]}, watched, both directions", CONNECT, "both", None, None),
        (f"{NAMES[CONNECT]}, another process watched, both directions", CONNECT, "other_both", None, None),
    ]),
    ("Connections", "While `accept_queue` is watched in both directions.", [
        (f"{NAMES[CONNECT]}, the listening socket watched", CONNECT, "queue", None, 1.02),
        (f"{NAMES[CONNECT]}, not watched, while sockets of others would be", CONNECT, "other_queue", None, 1.02),
    ]),
    ("Other system calls", "While a level is watched in both directions. Children of a watched process "
     "are watched as well.", [
         ("fork + exit, the forking process watched", FORK, "both", None, 1.01),
         ("fork + exit, another process watched", FORK, "other_both", None, 1.01),
         ("fork + exec + exit, the forking process watched", EXEC, "both", None, None),
         ("fork + exec + exit, another process watched", EXEC, "other_both", None, None),
         ("empty system call, watched", NULL, "both", None, 1.00),
     ]),
    ("Memory and threads", "While `as` of 100 GiB is watched in both directions (`data`, `stack`, `memlock` and "
     "`maps` have the same hook), or 1000 `threads`.", [
         (f"{NAMES[MMAP]}, watched", MMAP, "memory", None, 1.04),
         (f"{NAMES[BRK]}, watched", BRK, "memory", None, 1.055),
         (f"{NAMES[FAULT]}, watched", FAULT, "memory", None, 1.05),
         (f"{NAMES[THREAD]}, watched", THREAD, "threads", None, 1.03),
         (f"{NAMES[MMAP]}, another process watched", MMAP, "other_memory", None, 1.04),
         (f"{NAMES[BRK]}, another process watched", BRK, "other_memory", None, 1.055),
         (f"{NAMES[FAULT]}, another process watched", FAULT, "other_memory", None, 1.05),
         (f"{NAMES[THREAD]}, another process watched", THREAD, "other_threads", None, 1.03),
     ]),
    ("Wake-ups", "While `wakeup_latency` of one second is watched. Each iteration is two wake-ups with two switches.", [
        (f"{NAMES[WAKE]}, watched", WAKE, "wakeups", None, None),
        (f"{NAMES[WAKE]}, another process watched", WAKE, "other_wakeups", None, None),
    ]),
    ("Nothing watched", "After brink has been started and ended many times, against before it ever ran: "
     "what it attached is gone.", [
         (NAMES[OPEN], OPEN, "after", "before", 1.00),
         (NAMES[NULL], NULL, "after", "before", 1.00),
         (NAMES[MMAP], MMAP, "after", "before", 1.00),
     ]),
    ("Linux audit, for comparison", "With one rule, `-a always,exit -F arch=b64 -S open,openat -F "
     "exit=-EMFILE`: the refusals that brink reports, and nothing of what comes before them. Against the "
     "same guest before audit was enabled.", [
         *((NAMES[loop], loop, "audit", "after", None)
           for loop in (OPEN, DUP, CONNECT, FORK, EXEC, NULL, MMAP, BRK, FAULT, THREAD)),
         *((f"its rules deleted and itself disabled: {NAMES[loop]}", loop, "audit_off", "after", None)
           for loop in (OPEN, DUP, CONNECT, NULL)),
     ]),
]
