// SPDX-License-Identifier: Apache-2.0
// Many processes at once, each opening a few descriptors beyond a level when told, and closing them again. With
// --collide their process ids are chosen (through ns_last_pid, and a pid_max that allows it) so that a hundred at a
// time are equal modulo 32768: an index by the low bits of the pid would mix them up.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <csignal>

#include <atomic>
#include <climits>
#include <cstdio>

#include "descriptor_directory.hpp"
#include "gate.hpp"
#include "options.hpp"

namespace {

constexpr long kMostDescriptors = 64;

struct Stage {
  std::atomic<std::uint32_t> stage;  // what the children are to do next
  std::atomic<std::uint32_t> done;   // how many have done it
};
Stage* stage;

long futex(std::atomic<std::uint32_t>* word, int operation, std::uint32_t value) {
  return ::syscall(SYS_futex, word, operation, value, nullptr, nullptr, 0);
}
void wait_for_stage(std::uint32_t wanted) {
  for (;;) {
    const std::uint32_t now = stage->stage.load();
    if (now >= wanted) return;
    futex(&stage->stage, FUTEX_WAIT, now);
  }
}
void stage_done() { stage->done.fetch_add(1); }

[[noreturn]] void child(long opens, bool close_again, bool outlives) {
  int fds[kMostDescriptors];
  ::alarm(1200);  // never left behind for good
  if (!outlives) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  wait_for_stage(1);
  for (long i = 0; i < opens; ++i)
    if ((fds[i] = ::dup(STDIN_FILENO)) < 0) ::_exit(2);
  stage_done();
  wait_for_stage(2);
  for (long i = opens - 1; close_again && i >= 0; --i) ::close(fds[i]);
  stage_done();
  wait_for_stage(3);
  ::_exit(0);  // with whatever is open
}

void run_stage(std::uint32_t number, long children) {
  stage->done = 0;
  stage->stage = number;
  futex(&stage->stage, FUTEX_WAKE, INT_MAX);
  while (number < 3 && stage->done.load() < static_cast<std::uint32_t>(children)) ::usleep(1000);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace brink::work;
  long children = 2000;
  long opens = 6;
  bool collide = false;
  bool gate = false;
  bool keep_open = false;
  bool leave = false;
  Options("forker", "Many processes alive at once; each opens a few descriptors, closes them, and exits, when told.")
      .positional("N", "how many processes (2000)", &children, false)
      .number("opens", "how many descriptors each opens (6)", &opens)
      .flag("collide", "choose process ids that are equal modulo 32768, a hundred at a time", &collide)
      .flag("keep-open", "exit with them open", &keep_open)
      .flag("leave", "exit as soon as they have opened them, and leave them alive", &leave)
      .flag("gate", "say `ready PID` and wait for a line before and after each step", &gate)
      .parse(argc, argv);
  if (opens > kMostDescriptors) return 2;
  void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must(mapped != MAP_FAILED, "mmap");
  stage = static_cast<Stage*>(mapped);
  const int last_pid = collide ? ::open("/proc/sys/kernel/ns_last_pid", O_WRONLY) : ::open("/dev/null", O_WRONLY);
  must(last_pid >= 0, "ns_last_pid");
  say("forker: base " + std::to_string(DescriptorDirectory::open_own().count()));
  ready_and_wait(gate);

  constexpr long kModulus = 32768;
  constexpr long kSame = 100;
  long born = 0;
  long collisions = 0;
  std::vector<pid_t> pids;
  pids.reserve(static_cast<std::size_t>(children));
  for (long i = 0; i < children; ++i) {
    const long wanted = 20000 + i / kSame + (i % kSame) * kModulus;
    const std::string text = std::to_string(wanted - 1);
    if (collide) must(::pwrite(last_pid, text.data(), text.size(), 0) > 0, "ns_last_pid");
    const pid_t pid = ::fork();
    must(pid >= 0, "fork");
    if (pid == 0) child(opens, !keep_open, leave);
    if (pid == wanted) ++collisions;
    pids.push_back(pid);
    ++born;
  }
  say("forker: " + std::to_string(born) + " alive, " + std::to_string(collisions) + " with chosen ids");
  ready_and_wait(gate);
  run_stage(1, born);
  say("forker: opened");
  ready_and_wait(gate);
  if (leave) {
    std::string left;
    for (const pid_t pid : pids) left += " " + std::to_string(pid);
    say("forker: left" + left);
    return 0;
  }
  run_stage(2, born);
  say(keep_open ? "forker: kept" : "forker: closed");
  ready_and_wait(gate);
  run_stage(3, born);
  for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
  say("forker: gone");
  ready_and_wait(gate);
  return 0;
}
