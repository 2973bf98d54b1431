// SPDX-License-Identifier: Apache-2.0
// Random operations on memory or threads. After each of them the kernel's own number, read from /proc/self, goes into the
// log: VmSize, VmData, VmStk, VmLck (proc(5)), the lines of maps, or Threads.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "count_log.hpp"
#include "gate.hpp"
#include "options.hpp"
#include "random.hpp"

namespace brink::work {
namespace {

constexpr std::size_t kPage = 4096;
constexpr int kRegions = 96;
constexpr int kThreads = 200;
constexpr int kNoLimit = -1;

struct Measured {
    const char* name;
    const char* field;  // of /proc/self/status; nullptr: the lines of maps
    int limit;          // RLIMIT_…
    std::uint64_t unit;
};
constexpr Measured kMeasured[] = {
    {"as", "VmSize:", RLIMIT_AS, 1024},      {"data", "VmData:", RLIMIT_DATA, 1024},
    {"stack", "VmStk:", RLIMIT_STACK, 1024}, {"memlock", "VmLck:", RLIMIT_MEMLOCK, 1024},
    {"maps", nullptr, kNoLimit, 1},          {"threads", "Threads:", kNoLimit, 1},
};

struct Region {
    char* at;
    std::size_t pages;
};

struct Thread {
    pthread_t handle;
    int pipe[2];
};

const Measured* measured;
Region regions[kRegions];
int n_regions = 0;
Thread threads[kThreads];
int n_threads = 0;
std::uint64_t random_state;
std::uint64_t own_limit = ~std::uint64_t{0};
std::uint64_t lowest_limit = 0, highest_limit = 0;
std::uint64_t* child_usage;  // shared with children
char text[1 << 16];

std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(next_random(random_state) % bound);
}

std::uint64_t usage() {
    const int fd = ::open(measured->field ? "/proc/self/status" : "/proc/self/maps", O_RDONLY);
    must(fd >= 0, "/proc/self");
    std::uint64_t lines = 0;
    std::size_t size = 0;
    for (;;) {
        const ssize_t got = ::read(fd, text + size, sizeof text - 1 - size);
        must(got >= 0, "read /proc/self");
        if (got == 0) break;
        if (measured->field) {
            size += static_cast<std::size_t>(got);
        } else {
            lines += static_cast<std::uint64_t>(std::count(text, text + got, '\n'));
            // The page at a fixed address that every process of x86 is said to have is no mapping.
            text[got] = 0;
            if (std::strstr(text, "[vsyscall]")) --lines;
        }
    }
    ::close(fd);
    if (!measured->field) return lines;
    text[size] = 0;
    const char* at = std::strstr(text, measured->field);
    must(at != nullptr, "a field of /proc/self/status");
    return std::strtoull(at + std::strlen(measured->field), nullptr, 10) * measured->unit;
}

// --- operations: 0, or -1 with errno

using Operation = long (*)();

long remember(void* at, std::size_t pages) {
    if (at == MAP_FAILED) return -1;
    regions[n_regions++] = {static_cast<char*>(at), pages};
    return 0;
}
long map(int protection, int flags) {
    if (n_regions == kRegions) return 0;
    const std::size_t pages = 1 + below(64);
    return remember(::mmap(nullptr, pages * kPage, protection, MAP_ANONYMOUS | flags, -1, 0),
                    pages);
}
long map_private() { return map(PROT_READ | PROT_WRITE, MAP_PRIVATE); }
long map_shared() { return map(PROT_READ | PROT_WRITE, MAP_SHARED); }
long map_reserved() { return map(PROT_NONE, MAP_PRIVATE | MAP_NORESERVE); }
long map_read_only() { return map(PROT_READ, MAP_PRIVATE); }
long map_stack() { return map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN | MAP_STACK); }
long map_locked() { return map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_LOCKED); }
long map_populated() { return map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE); }

Region* any() { return n_regions ? &regions[below(static_cast<std::size_t>(n_regions))] : nullptr; }
void forget(Region* region) { *region = regions[--n_regions]; }

long unmap() {
    Region* region = any();
    if (!region) return 0;
    const long result = ::munmap(region->at, region->pages * kPage);
    forget(region);
    return result;
}
long unmap_front() {
    Region* region = any();
    if (!region || region->pages < 2) return 0;
    const std::size_t pages = 1 + below(region->pages - 1);
    char* at = region->at;
    region->at += pages * kPage;
    region->pages -= pages;
    return ::munmap(at, pages * kPage);
}
long unmap_back() {
    Region* region = any();
    if (!region || region->pages < 2) return 0;
    const std::size_t kept = 1 + below(region->pages - 1);
    const long result = ::munmap(region->at + kept * kPage, (region->pages - kept) * kPage);
    region->pages = kept;
    return result;
}
long unmap_middle() {
    Region* region = any();
    if (!region || region->pages < 3 || n_regions == kRegions) return 0;
    const std::size_t at = 1 + below(region->pages - 2);
    if (::munmap(region->at + at * kPage, kPage) != 0) return -1;
    const Region rest{region->at + (at + 1) * kPage, region->pages - at - 1};
    region->pages = at;
    regions[n_regions++] = rest;
    return 0;
}
long resize(std::size_t pages, Region* region) {
    void* at = ::mremap(region->at, region->pages * kPage, pages * kPage, MREMAP_MAYMOVE);
    if (at == MAP_FAILED) return -1;
    *region = {static_cast<char*>(at), pages};
    return 0;
}
long remap_larger() {
    Region* region = any();
    return region ? resize(region->pages + 1 + below(32), region) : 0;
}
long remap_smaller() {
    Region* region = any();
    return region && region->pages > 1 ? resize(1 + below(region->pages - 1), region) : 0;
}
long break_up() {
    return ::sbrk(static_cast<intptr_t>(kPage * (1 + below(32)))) == reinterpret_cast<void*>(-1)
               ? -1
               : 0;
}
long break_down() {
    static char* lowest = static_cast<char*>(::sbrk(0));
    char* now = static_cast<char*>(::sbrk(0));
    // What the C library has taken at the bottom is left to it.
    const auto free = now > lowest + 64 * kPage
                          ? static_cast<std::size_t>(now - lowest) - 64 * kPage
                          : 0;
    if (free < kPage) return 0;
    return ::sbrk(-static_cast<intptr_t>(kPage * (1 + below(free / kPage)))) ==
                   reinterpret_cast<void*>(-1)
               ? -1
               : 0;
}
long on_part(long (*act)(char* at, std::size_t bytes)) {
    Region* region = any();
    if (!region) return 0;
    const std::size_t first = below(region->pages);
    return act(region->at + first * kPage, (1 + below(region->pages - first)) * kPage);
}
long protect_none() {
    return on_part([](char* at, std::size_t n) { return long{::mprotect(at, n, PROT_NONE)}; });
}
long protect_read() {
    return on_part([](char* at, std::size_t n) { return long{::mprotect(at, n, PROT_READ)}; });
}
long protect_write() {
    return on_part(
        [](char* at, std::size_t n) { return long{::mprotect(at, n, PROT_READ | PROT_WRITE)}; });
}
long lock_part() {
    return on_part([](char* at, std::size_t n) { return long{::mlock(at, n)}; });
}
long lock_on_fault() {
    return on_part([](char* at, std::size_t n) { return long{::mlock2(at, n, MLOCK_ONFAULT)}; });
}
long unlock_part() {
    return on_part([](char* at, std::size_t n) { return long{::munlock(at, n)}; });
}
long lock_all() { return ::mlockall(MCL_CURRENT | MCL_ONFAULT); }
long unlock_all() { return ::munlockall(); }
long replace() {
    return on_part([](char* at, std::size_t n) {
        return ::mmap(at, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                       MAP_FAILED
                   ? -1L
                   : 0L;
    });
}
long drop() {
    return on_part([](char* at, std::size_t n) { return long{::madvise(at, n, MADV_DONTNEED)}; });
}
// The stack grows with the fault below it, up to 1 MiB.
__attribute__((noinline)) long touch_below(std::size_t bytes) {
    volatile char* here = static_cast<volatile char*>(__builtin_alloca(bytes));
    here[0] = 1;
    return here[0] - 1;
}
long deepen_stack() {
    static std::size_t depth = 64 * kPage;
    depth = std::min(depth + below(3) * kPage, std::size_t{256} * kPage);
    return touch_below(depth);
}
long refused_mapping() {
    return ::mmap(nullptr, std::size_t{1} << 46, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}
long refused_unmapping() { return ::munmap(reinterpret_cast<void*>(1), kPage); }

void* run_thread(void* of) {
    char byte = 0;
    while (::read(static_cast<Thread*>(of)->pipe[0], &byte, 1) < 0) {
    }
    return nullptr;
}
// Until the kernel says so: a thread that has been joined is counted a moment longer.
void wait_for_threads() {
    while (usage() != static_cast<std::uint64_t>(n_threads) + 1) ::usleep(50);
}
long start_thread() {
    if (n_threads == kThreads) return 0;
    Thread& thread = threads[n_threads];
    must(::pipe(thread.pipe) == 0, "pipe");
    pthread_attr_t small;
    ::pthread_attr_init(&small);
    ::pthread_attr_setstacksize(&small, 65536);
    must(::pthread_create(&thread.handle, &small, run_thread, &thread) == 0, "pthread_create");
    ++n_threads;
    return 0;
}
long end_thread() {
    if (n_threads == 0) return 0;
    Thread& thread = threads[--n_threads];
    ::close(thread.pipe[1]);
    ::pthread_join(thread.handle, nullptr);
    ::close(thread.pipe[0]);
    wait_for_threads();
    return 0;
}

long change_limit() {
    if (!highest_limit) return 0;
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource>(measured->limit), &limit);
    own_limit = lowest_limit + below(highest_limit - lowest_limit);
    limit.rlim_cur = own_limit;
    // setrlimit(2) itself, or prlimit(2) with a number of a process.
    return below(2) ? ::setrlimit(static_cast<__rlimit_resource>(measured->limit), &limit)
                    : ::prlimit(::getpid(), static_cast<__rlimit_resource>(measured->limit), &limit,
                                nullptr);
}

struct Named {
    const char* name;
    Operation run;
};
constexpr Named kGrow[] = {
    {"mmap private", map_private},
    {"mmap shared", map_shared},
    {"mmap PROT_NONE", map_reserved},
    {"mmap read-only", map_read_only},
    {"mmap MAP_GROWSDOWN", map_stack},
    {"mmap MAP_LOCKED", map_locked},
    {"mmap MAP_POPULATE", map_populated},
    {"mremap larger", remap_larger},
    {"brk up", break_up},
    {"mprotect write", protect_write},
    {"mlock", lock_part},
    {"mlock2 MLOCK_ONFAULT", lock_on_fault},
    {"deeper stack", deepen_stack},
};
constexpr Named kShrink[] = {
    {"munmap", unmap},
    {"munmap", unmap},
    {"munmap front", unmap_front},
    {"munmap back", unmap_back},
    {"mremap smaller", remap_smaller},
    {"brk down", break_down},
    {"mprotect PROT_NONE", protect_none},
    {"munlock", unlock_part},
    {"munlockall", unlock_all},
};
constexpr Named kStand[] = {
    {"munmap middle", unmap_middle},
    {"mprotect read", protect_read},
    {"mmap MAP_FIXED", replace},
    {"madvise", drop},
    {"mmap_EINVAL", refused_unmapping},
    {"mmap_ENOMEM", refused_mapping},
    {"mlockall", lock_all},
    {"setrlimit", change_limit},
};

struct Log {
    CountLog log;
    std::uint64_t last = 0;

    void done(const char* name, long result, std::int32_t child = 0) {
        CountRecord record{};
        record.refused_errno = result < 0 ? errno : 0;
        record.count = last = usage();
        record.soft_limit = own_limit;
        record.child_pid = child;
        record.child_count = child ? *child_usage : 0;
        log.append(name, record);
    }
};

void fork_once(Log& log) {
    // Not the library's: its handlers would take and give back memory.
    const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (child == 0) {
        *child_usage = usage();
        ::syscall(SYS_exit_group, 0);
    }
    must(child > 0, "clone");
    ::waitpid(child, nullptr, 0);
    log.done("fork", 0, child);
}

template <std::size_t n>
const Named& one_of(const Named (&list)[n]) {
    return list[below(n)];
}

const Named& choose(bool rising) {
    if (std::strcmp(measured->name, "threads") == 0) {
        static constexpr Named start{"start thread", start_thread}, end{"end thread", end_thread};
        return (below(100) < 70) == rising ? start : end;
    }
    const std::size_t dice = below(100);
    if (dice < 15) return one_of(kStand);
    if ((dice < 70) == rising) return one_of(kGrow);
    return dice % 2 ? kShrink[0] : one_of(kShrink);  // whole regions, or it grows in pieces
}

}  // namespace
}  // namespace brink::work

int main(int argc, char** argv) {
    using namespace brink::work;
    long seed = 1, count = 0, low = 0, high = 0, log_fd = -1, lowest = 0, highest = 0;
    std::string resource;
    Options("valueops", "Random operations; the kernel's own number goes into the log after each.")
        .positional("SEED", "where the sequence begins; the same gives the same", &seed)
        .positional("COUNT", "how many operations", &count)
        .text("resource", "as, data, stack, memlock, maps or threads (required)", &resource)
        .number("log-fd", "inherited descriptor of the count log (required)", &log_fd)
        .number("low", "at this usage the drift turns upwards", &low)
        .number("high", "at this usage the drift turns downwards", &high)
        .number("lowest-limit", "the limit is changed to no less than this", &lowest)
        .number("highest-limit", "and to less than this (0: it is not changed)", &highest)
        .parse(argc, argv);
    for (const Measured& each : kMeasured)
        if (resource == each.name) measured = &each;
    if (log_fd < 0 || !measured) {
        std::fprintf(stderr, "valueops: --log-fd and --resource are required\n");
        return 2;
    }
    random_state = static_cast<std::uint64_t>(seed) * 0x2545f4914f6cdd1d + 1;
    lowest_limit = static_cast<std::uint64_t>(lowest);
    highest_limit = static_cast<std::uint64_t>(highest);
    Log log{CountLog::attach(static_cast<int>(log_fd))};
    log.log.header()->pid = ::getpid();
    child_usage = static_cast<std::uint64_t*>(log.log.state());
    if (measured->limit != kNoLimit) {
        rlimit limit{};
        ::getrlimit(static_cast<__rlimit_resource>(measured->limit), &limit);
        own_limit = limit.rlim_cur;
    } else if (!measured->field) {
        FILE* sysctl = std::fopen("/proc/sys/vm/max_map_count", "r");
        must(sysctl && std::fscanf(sysctl, "%lu", &own_limit) == 1, "vm.max_map_count");
        std::fclose(sysctl);
    }
    log.done("start", 0);
    if (highest_limit) log.done("first limit", change_limit());
    bool rising = true;
    for (long i = 0; i < count; ++i) {
        if (below(200) == 0) {
            fork_once(log);
            continue;
        }
        const Named& next = choose(rising);
        log.done(next.name, next.run());
        if (log.last >= static_cast<std::uint64_t>(high)) rising = false;
        if (log.last <= static_cast<std::uint64_t>(low)) rising = true;
    }
    while (n_threads > 0) log.done("end thread", end_thread());
    std::printf("valueops: %llu operations\n", static_cast<unsigned long long>(log.log.size()));
    return 0;
}
