// SPDX-License-Identifier: Apache-2.0
// The help texts. 80 columns, ASCII: they must be readable on any terminal.
#include "help.hpp"

#include <fmt/format.h>

#include <string_view>

#include "brink/resource.hpp"

namespace brink::app {
namespace {

constexpr std::string_view kGeneral =
    R"(brink tells you, the moment it happens, that a process comes close to a limit:
before the limit bites, without polling. Then it can act.

usage:
  brink run [OPTION]... [--] COMMAND [ARG]...   run a command and watch it
  brink watch SUBJECT [OPTION]...               watch what is running
  brink top [OPTION]...                         who is nearest to a limit, live
  brink limits [OPTION]...                      every limit, the nearest first
  brink latency [OPTION]...                     how late threads run, and why
  brink doctor [OPTION]...                      what this machine allows
  brink events [OPTION]...                      what has happened (brinkd)
  brink status [OPTION]...                      the daemon as it sees itself
  brink test-sink NAME                          a test event to an output
  brink COMMAND --help                          the options of each of them
  brink --version

examples:
  brink run -- ./server
      a line when ./server has 80 % of the files open that it may open
  brink run -w nofile=80%,95% --on 80%=evidence --on 95%=restart -- ./server
      two levels; at 80 % what is open and who opens it; at 95 % a new start
  brink run -w nofile=-20 --on -20=fail -- ./test
      a leak test: status 1 when fewer than 20 descriptors were left
  brink watch --pid 4321 -w nofile=900:rearm=800 -o json
      a process that is running; said again only after it was below 800

The manual: man brink
)";

constexpr std::string_view kRun =
    R"(usage: brink run [OPTION]... [--] COMMAND [ARG]...

Runs COMMAND and says when it, or a child of it, crosses a level. Standard
input, output and error are the command's own; events go to standard error.
)";

constexpr std::string_view kWatch =
    R"(usage: brink watch SUBJECT [OPTION]...

Watches what is running already; events go to standard output. One process or
thread until it ends, else until interrupted. SUBJECT is one of
  --pid P              process P and the children it will have
  --tid T              thread T alone
  --unit U             the processes, or the cgroup, of a unit of systemd
  --cgroup C           the same of a cgroup and those below it
  --container ID       the same of a container
  --comm N             processes of this name
  --exe X              processes that execute this file
  --user U             processes of this user, or what is counted for the user
  --realtime           processes with a real-time thread
  --all                every process, user, cgroup or socket
  --system             what is counted for the whole system
Who comes to match later is watched from the first instruction.
)";

// Behind kRun and kWatch.
constexpr std::string_view kWatches = R"(
what to watch:
  -w, --watch SPEC     RESOURCE=LEVEL[,LEVEL]...[:OPTION]... (nofile=80% unless
                       given; may be repeated)
        900            a usage; bytes with K M G T, times with us ms s m h
        80%            a share of the limit in force, rounded up
        -50            50 below the limit in force
        :up  :down     one direction only
        :rearm=LEVEL   after a crossing, silent until usage was below LEVEL
        :no-inherit    without children

what to do:
  --on LEVEL=ACTION    at a level as typed in a watch, on the way up; also
                       RESOURCE@LEVEL=ACTION, and LEVEL:down=ACTION for the way
                       down; may be repeated
        signal:TERM    sent from the kernel, before the next instruction
        exec:COMMAND   /bin/sh -c COMMAND; the event is in BRINK_* variables,
                       and on standard input as JSON
        evidence       what the usage consists of, and the stack that crossed
)";

constexpr std::string_view kRunActions =
    R"(        restart        ends the command and its children, and starts it again
        fail           brink ends with status 1 when the command is done
)";

constexpr std::string_view kOutput = R"(
where to:
  -o, --output FORMAT  text (unless given) or json: one object a line
  --events FILE|fd:N   events there instead; FILE is appended to
)";

constexpr std::string_view kRestart = R"(
restart:
  --restart-grace T    from TERM to KILL (10s)
  --restart-delay T    before the first restart (1s); doubled with each restart,
                       up to 1m; the first again after a run of 5 minutes
  --restart-max N      restarts in an hour (5); then the command is left running
)";

constexpr std::string_view kEngine = R"(
how:
  --engine E           auto (unless given), kernel, tracepoint or poll
  --btf FILE           types of the running kernel, where it does not bring them
  --poll-interval T[,T]
                       engine poll: shortest and longest interval (10ms,1s)
  --max-subjects N     processes watched at once (4096)
  -h, --help           this
)";

constexpr std::string_view kRunStatus = R"(
Ends with the status of COMMAND (128+N if signal N killed it), 125 if brink
failed, 126 if COMMAND cannot be executed, 127 if it was not found.
)";

constexpr std::string_view kWatchStatus = R"(
Ends with 0 when the process has ended, 1 if brink failed, 2 for wrong usage.
)";

constexpr std::string_view kTop =
    R"(usage: brink top [OPTION]...

Shows who is nearest to a limit: processes, users, cgroups, sockets, file
systems and the system, each with the limit that it is nearest to. Live, on a
terminal; the keys are on its last line.

  --once               one table, or with -o json one object a line
  -r, --resource NAME[,NAME]...
                       these resources only
  -n, --lines N        of --once: the first N rows
  --interval T         between two looks (2s)
  --engine E           auto (unless given), kernel (one pass in the kernel) or
                       poll (/proc)
  -o, --output FORMAT  of --once: text (unless given) or json
  -h, --help           this
)";

constexpr std::string_view kLimits =
    R"(usage: brink limits [OPTION]...

Reads every limit of this machine once and prints one table: usage, limit,
headroom and share of the limit that is used, the nearest first. Of each
resource the subject (process, user, cgroup, socket) that is nearest is shown.

  -r, --resource NAME[,NAME]...
                       these resources only, with every subject
  -a, --all            every subject of every resource
  -n, --lines N        the first N rows
  --watch              again and again, until interrupted
  --interval T         of --watch (2s)
  --engine E           auto (unless given), kernel (one pass in the kernel) or
                       poll (/proc)
  -o, --output FORMAT  text (unless given) or json: one object a line
  -h, --help           this
)";

constexpr std::string_view kLatency =
    R"(usage: brink latency [OPTION]...

Measures how late threads run that sleep until a time, as cyclictest does, and
splits each sample: until the timer's handler begins (irq_dispatch), until it
has made the thread runnable (handler), until the thread has a processor
(scheduling), until the program runs (return_to_user). Of the latest samples it
says what ran instead. Options are named as in cyclictest.

  -t, --threads [N]    N threads; without N, and unless given, one a processor
  -a, --affinity [CPUS]
                       pins them to these in turn, as in 0-2,5 (all of them)
  -p, --priority N     1 to 99, with policy fifo unless another is given
  --policy NAME        fifo, rr, other (unless -p is given), batch, idle
  -i, --interval T     how long each sleeps (1000 us)
  -d, --distance T     how much longer each sleeps than the one before (0)
  -D, --duration T     seconds unless it says us, ms, s, m, h or d (until it is
                       interrupted)
  -l, --loops N        samples of each thread
  -m, --mlockall       lock memory
  -S, --smp            as it is anyway: a thread a processor, one priority
  --default-system     leave idle states as they are

  -h, --histogram US   plot the distribution, up to US microseconds
  --plot FILE          draw it into FILE, as SVG
  --samples FILE       write every sample to FILE, as JSON
  --worst N            of the latest N samples, what ran instead (5)
  -q, --quiet          no table before the end
  -o, --output FORMAT  text (unless given) or json: one object a line
  --btf FILE           types of the running kernel, where it does not bring them
  --help               this

Bare numbers are microseconds (-i, -d, -h) or seconds (-D), as in cyclictest.
)";

constexpr std::string_view kDoctor =
    R"(usage: brink doctor [OPTION]...

Says what this kernel and your privileges allow: for each engine and each hook
whether it loads, attaches and fires, the reason if not, and what is used
instead.

  -o, --output FORMAT  text (unless given) or json
  --btf FILE           types of the running kernel, where it does not bring them
  -h, --help           this
)";

constexpr std::string_view kEvents =
    R"(usage: brink events [OPTION]...

Shows what brinkd has kept of what has happened, the oldest first.

which:
  --since T, --until T
                       so long ago (30m, 2h, 7d), or a date and time
                       (2026-11-20, '2026-11-20 09:30', 09:30:15; local,
                       UTC with Z at the end)
  -r, --resource NAME[,NAME]...
                       these resources only
  --type TYPE[,TYPE]...
                       crossing, initial, denied, limit_changed, exit, lost,
                       resync, action
  --pid P, --comm N    of this process, of processes of this name
  --unit U, --cgroup C
                       of a unit of systemd, of a cgroup and those below it
  --user U             of processes of this user, or counted for the user
  -n, --lines N        the newest N of them

how:
  -f, --follow         goes on with what comes, until interrupted
  --forecast           instead: how fast usage grows, by the crossings of each
                       subject, and when it will have reached its limit
  -o, --output FORMAT  text (unless given), json (one object a line) or csv
  --history FILE       not /var/lib/brink/events.db
  -h, --help           this
)";

constexpr std::string_view kStatus =
    R"(usage: brink status [OPTION]...

Asks brinkd for its state: engine, clients, history, its own use, and each rule
with its watches and actions, or why it is not at work; and brink-relay, where
it runs, for each output: delivered, behind by, the last error.

  -o, --output FORMAT  text (unless given) or json
  --socket PATH        not /run/brink/brink.sock
  --control SOCKET     not /run/brink-relay/control
  -h, --help           this
)";

constexpr std::string_view kTestSink =
    R"(usage: brink test-sink [OPTION]... NAME

Has brink-relay send an event that is marked as a test to output NAME of its
configuration, and says what came back.

  --control SOCKET     not /run/brink-relay/control
  -o, --output FORMAT  text (unless given) or json
  -h, --help           this

Ends with 0 when the receiver has taken it, 1 if not, 2 for wrong usage.
)";

// Which resources a help text lists.
enum class Listed { all, watchable, of_processes };

std::string resource_list(Listed listed) {
    std::string list = "\nresources:\n";
    for (const Resource* resource : resources())
        if (listed == Listed::all || (resource->watchable() && (listed == Listed::watchable ||
                                                                resource->scope == Scope::process)))
            list += fmt::format("  {:<19}  {}\n", resource->name, resource->summary);
    return list;
}

}  // namespace

std::string general_help() { return std::string(kGeneral); }

std::string run_help() {
    return fmt::format("{}{}{}{}{}{}{}{}", kRun, kWatches, kRunActions, kOutput, kRestart, kEngine,
                       resource_list(Listed::of_processes), kRunStatus);
}

std::string watch_help() {
    return fmt::format("{}{}{}{}{}{}", kWatch, kWatches, kOutput, kEngine,
                       resource_list(Listed::watchable), kWatchStatus);
}

std::string top_help() { return std::string(kTop); }

std::string limits_help() { return std::string(kLimits) + resource_list(Listed::all); }

std::string latency_help() { return std::string(kLatency); }

std::string doctor_help() { return std::string(kDoctor); }

std::string status_help() { return std::string(kStatus); }

std::string events_help() { return std::string(kEvents); }

std::string test_sink_help() { return std::string(kTestSink); }

}  // namespace brink::app
