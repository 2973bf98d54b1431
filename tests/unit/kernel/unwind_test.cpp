// SPDX-License-Identifier: Apache-2.0
// Unwinding a program that is compiled for the purpose, with and without frame pointers, symbols
// and debug information. The record that the kernel's hook would make is made with ptrace(2).
#include "kernel/unwind.hpp"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "../../support/fake_proc.hpp"
#include "kernel/procfs.hpp"
#include "kernel/unwind_frame_pointers.hpp"

namespace brink::kernel {
namespace {

// For machines that are busy with other things.
constexpr std::chrono::minutes kPatient{2};

constexpr const char* kVictim = R"(#include <unistd.h>
namespace victim {
volatile int n;
__attribute__((noinline)) void inner(int x) {
  char buffer[300];
  n = x + buffer[x & 1];
  pause();  // line 7
  n = n + 1;
}
template <typename T> __attribute__((noinline)) void middle(T x) { inner(x + 1); n = n + 1; }
__attribute__((noinline)) void outer() { middle<int>(1); n = n + 1; }
}
int main() { victim::outer(); return victim::n; }
)";

class Victim {
  public:
    explicit Victim(const std::string& flags) {
        proc_.write("victim.cpp", kVictim);
        const std::string path = proc_.root() + "/victim";
        const std::string command = "c++ -w -O1 " + flags + " -o " + path + " " + path +
                                    ".cpp >/dev/null 2>&1";
        if (std::system(command.c_str()) != 0) return;
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execl(path.c_str(), "victim", nullptr);
            ::_exit(127);
        }
        wait_for_pause();
    }
    Victim(const Victim&) = delete;
    Victim& operator=(const Victim&) = delete;
    ~Victim() { end(); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::string path() const { return proc_.root() + "/victim"; }

    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

    [[nodiscard]] std::unique_ptr<brink_stack_record> capture(std::size_t max_bytes) const {
        auto record = std::make_unique<brink_stack_record>();
        if (::ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) != 0) return nullptr;
        ::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr);
        ::waitpid(pid_, nullptr, 0);
        read_registers(*record);
        constexpr std::size_t kPiece = 128;
        while (record->n_bytes + kPiece <= std::min<std::size_t>(max_bytes, BRINK_STACK_BYTES)) {
            iovec local{record->bytes + record->n_bytes, kPiece};
            iovec remote{reinterpret_cast<void*>(record->sp + record->n_bytes), kPiece};
            if (::process_vm_readv(pid_, &local, 1, &remote, 1, 0) != kPiece) break;
            record->n_bytes += kPiece;
        }
        ::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
        return record;
    }

  private:
    // In pause(2): its wait channel is the only sign that does not depend on timing.
    void wait_for_pause() const {
        for (int attempt = 0; attempt < 500; ++attempt) {
            std::ifstream syscall("/proc/" + std::to_string(pid_) + "/syscall");
            std::string number;
            const bool in_pause = syscall >> number && number == "34";
            const bool is_victim = Procfs().exe(pid_) == path();
            if (is_victim && (in_pause || (!syscall.is_open() && attempt > 100))) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }

    void read_registers(brink_stack_record& record) const {
        user_regs_struct r{};
        iovec where{&r, sizeof r};
        ::ptrace(PTRACE_GETREGSET, pid_, NT_PRSTATUS, &where);
        const brink_u64 regs[] = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
                                  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
        std::copy(std::begin(regs), std::end(regs), record.regs);
        record.n_regs = 17;
        record.sp = r.rsp;
    }

    test::FakeProc proc_;
    pid_t pid_ = -1;
};

std::string text(const UnwindResult& result) {
    std::string lines = result.unavailable + "\n";
    for (const StackFrame& frame : result.frames)
        lines += std::to_string(frame.address) + " " + frame.function + "+" +
                 std::to_string(frame.offset) + " " + frame.module + " " + frame.source + "\n";
    return lines;
}

const StackFrame* find(const UnwindResult& result, const std::string& function) {
    for (const StackFrame& frame : result.frames)
        if (frame.function == function) return &frame;
    return nullptr;
}

void expect_functions(const UnwindResult& result) {
    std::vector<std::string> order;
    for (const StackFrame& frame : result.frames)
        if (frame.function.find("victim::") != std::string::npos || frame.function == "main")
            order.push_back(frame.function);
    for (const StackFrame& frame : result.frames)
        EXPECT_EQ(frame.function.find('@'), std::string::npos) << frame.function;
    EXPECT_EQ(order,
              (std::vector<std::string>{"victim::inner(int)", "void victim::middle<int>(int)",
                                        "victim::outer()", "main"}))
        << text(result);
}

#if defined(__x86_64__)

TEST(Unwind, WithoutFramePointers) {
    const Victim victim("-fomit-frame-pointer");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    const auto record = victim.capture(BRINK_STACK_BYTES);
    ASSERT_TRUE(record);
    const UnwindResult result = unwind(victim.pid(), *record, kPatient);
    expect_functions(result);
    EXPECT_EQ(result.unavailable, "");
    const StackFrame* inner = find(result, "victim::inner(int)");
    ASSERT_NE(inner, nullptr);
    EXPECT_EQ(inner->module, victim.path());
    EXPECT_GT(inner->offset, 0U);
    EXPECT_EQ(inner->source, "");
}

TEST(Unwind, WithFramePointersAndWithoutCallFrameInformation) {
    const Victim victim("-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-exceptions "
                        "-fno-unwind-tables");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    const auto record = victim.capture(BRINK_STACK_BYTES);
    ASSERT_TRUE(record);
    expect_functions(unwind(victim.pid(), *record, kPatient));
}

TEST(Unwind, SourceLinesFromDebugInformation) {
    const Victim victim("-g -fomit-frame-pointer");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    const auto record = victim.capture(BRINK_STACK_BYTES);
    ASSERT_TRUE(record);
    const UnwindResult result = unwind(victim.pid(), *record, kPatient);
    expect_functions(result);
    const StackFrame* inner = find(result, "victim::inner(int)");
    ASSERT_NE(inner, nullptr) << text(result);
    EXPECT_EQ(inner->source, victim.path() + ".cpp:7");
}

TEST(Unwind, StrippedHasModulesAndOffsets) {
    const Victim victim("-s -fomit-frame-pointer");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    const auto record = victim.capture(BRINK_STACK_BYTES);
    ASSERT_TRUE(record);
    const UnwindResult result = unwind(victim.pid(), *record, kPatient);
    std::size_t in_victim = 0;
    for (const StackFrame& frame : result.frames)
        if (frame.module == victim.path()) ++in_victim;
    EXPECT_GE(in_victim, 4U) << text(result);
}

TEST(Unwind, BeyondTheCaptureTheLivingProcessIsRead) {
    const Victim victim("-fomit-frame-pointer");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    const auto record = victim.capture(128);
    ASSERT_TRUE(record);
    ASSERT_EQ(record->n_bytes, 128U);
    expect_functions(unwind(victim.pid(), *record, kPatient));
}

// The capture counts, not what the stack holds now.
TEST(Unwind, TheCaptureIsBelievedFirst) {
    const Victim victim("-fomit-frame-pointer");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    auto record = victim.capture(BRINK_STACK_BYTES);
    ASSERT_TRUE(record);
    std::fill_n(record->bytes, record->n_bytes, brink_u8{0});
    const UnwindResult result = unwind(victim.pid(), *record, kPatient);
    EXPECT_EQ(find(result, "main"), nullptr) << text(result);
}

TEST(Unwind, SaysThatTimeWasShort) {
    const Victim victim("-fomit-frame-pointer");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    const auto record = victim.capture(BRINK_STACK_BYTES);
    ASSERT_TRUE(record);
    const UnwindResult result = unwind(victim.pid(), *record, std::chrono::milliseconds(0));
    EXPECT_GE(result.frames.size(), 4U);
    EXPECT_EQ(find(result, "main"), nullptr);
    EXPECT_EQ(result.unavailable, "some symbols or lines: looking them up took too long");
}

TEST(Unwind, AddressesWhereTheProcessIsGone) {
    Victim victim("-fno-omit-frame-pointer");
    if (victim.pid() < 0) GTEST_SKIP() << "there is no c++";
    const auto record = victim.capture(BRINK_STACK_BYTES);
    ASSERT_TRUE(record);
    const pid_t pid = victim.pid();
    victim.end();
    const UnwindResult result = unwind(pid, *record);
    ASSERT_FALSE(result.frames.empty());
    EXPECT_EQ(result.frames[0].address, record->regs[16]);
    EXPECT_EQ(result.frames[0].function, "");
    EXPECT_NE(result.unavailable.find("no symbols: cannot read the mappings"), std::string::npos)
        << result.unavailable;
}

#endif

TEST(Unwind, NothingIsTrustedInARecord) {
    auto record = std::make_unique<brink_stack_record>();
    record->n_regs = 0xffff;
    record->n_bytes = 0xffffffff;
    record->sp = ~brink_u64{0} - 4;
    std::fill(std::begin(record->regs), std::end(record->regs), ~brink_u64{0});
    (void)unwind(::getpid(), *record);
    (void)unwind(-1, *record);
    record->n_regs = 0;
    EXPECT_TRUE(unwind(-1, *record).frames.empty());
}

TEST(FramePointers, FollowsTheChainOutwardsOnly) {
    auto record = std::make_unique<brink_stack_record>();
    record->n_regs = static_cast<brink_u16>(kStackLayout.ip + 1);
    record->sp = 0x1000;
    record->n_bytes = 64;
    const brink_u64 words[] = {0, 0x1018, 0xa1, 0x1030, 0xa2, 0, 0x1018, 0xa3};
    std::copy_n(reinterpret_cast<const brink_u8*>(words), sizeof words, record->bytes);
    record->regs[kStackLayout.ip] = 0xa0;
    record->regs[kStackLayout.frame_pointer] = 0x1008;
    EXPECT_EQ(walk_frame_pointers(*record, 64),
              (std::vector<std::uint64_t>{0xa0, 0xa1, 0xa2, 0xa3}));
    EXPECT_EQ(walk_frame_pointers(*record, 2).size(), 2U);
    EXPECT_EQ(captured_word(*record, 0x1038), 0xa3U);
    EXPECT_FALSE(captured_word(*record, 0x1039));
    EXPECT_FALSE(captured_word(*record, 0xff8));
}

}  // namespace
}  // namespace brink::kernel
