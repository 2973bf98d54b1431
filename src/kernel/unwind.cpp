// SPDX-License-Identifier: Apache-2.0
// libdwfl driven by a captured stack instead of a stopped process: we answer its callbacks for
// registers and memory, it answers with frames.
#include "kernel/unwind.hpp"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/fd.hpp"
#include "kernel/unwind_frame_pointers.hpp"

namespace brink::kernel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxFrames = 64;

struct Session {
    pid_t pid;
    const brink_stack_record* stack;
    std::vector<std::pair<Dwarf_Addr, bool>> pcs;  ///< address; whether it is exact
};

// --- callbacks of libdwfl

// The file as the process sees it, which in a container is not the one of that name here. What
// the process did to its own tree must not hang us: no waiting, regular files only.
int find_elf(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, char** file_name,
             Elf** elf) {
    const auto* session = static_cast<const Session*>(*data);
    if (name == nullptr || name[0] != '/' || session == nullptr)
        return dwfl_linux_proc_find_elf(module, data, name, base, file_name, elf);
    const std::string path = "/proc/" + std::to_string(session->pid) + "/root" + name;
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return -1;
    *file_name = ::strdup(name);
    return fd.release();
}

pid_t next_thread(Dwfl*, void* session, void** thread) {
    if (*thread != nullptr) return 0;
    *thread = session;
    return static_cast<Session*>(session)->pid;
}

bool read_process(pid_t pid, Dwarf_Addr address, Dwarf_Word* word) {
    iovec local{word, sizeof *word};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
    iovec remote{reinterpret_cast<void*>(address), sizeof *word};
    return ::process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof *word;
}

bool memory_read(Dwfl*, Dwarf_Addr address, Dwarf_Word* word, void* data) {
    const auto* session = static_cast<const Session*>(data);
    if (const auto captured = captured_word(*session->stack, address)) {
        *word = *captured;
        return true;
    }
    return read_process(session->pid, address, word);
}

bool set_initial_registers(Dwfl_Thread* thread, void* data) {
    const brink_stack_record& stack = *static_cast<const Session*>(data)->stack;
    const unsigned n_regs = std::min<unsigned>(stack.n_regs, BRINK_STACK_REGS);
    if (n_regs <= kStackLayout.ip) return false;
    std::array<Dwarf_Word, BRINK_STACK_REGS> regs;
    std::copy_n(stack.regs, BRINK_STACK_REGS, regs.begin());
    const unsigned n_dwarf = kStackLayout.n_dwarf + (kStackLayout.ip_is_dwarf ? 1 : 0);
    if (!dwfl_thread_state_registers(thread, 0, n_dwarf, regs.data())) return false;
    dwfl_thread_state_register_pc(thread, regs[kStackLayout.ip]);
    return true;
}

int take_frame(Dwfl_Frame* frame, void* data) {
    auto* session = static_cast<Session*>(data);
    Dwarf_Addr pc = 0;
    bool exact = false;
    if (!dwfl_frame_pc(frame, &pc, &exact) || pc == 0) return DWARF_CB_ABORT;
    session->pcs.emplace_back(pc, exact || session->pcs.empty());
    return session->pcs.size() < kMaxFrames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

const Dwfl_Callbacks kModuleCallbacks = {
    .find_elf = find_elf,
    // Not dwfl_standard_find_debuginfo, which would ask a debuginfod server.
    .find_debuginfo = dwfl_build_id_find_debuginfo,
    .section_address = nullptr,
    .debuginfo_path = nullptr,
};

const Dwfl_Thread_Callbacks kThreadCallbacks = {
    .next_thread = next_thread,
    .get_thread = nullptr,
    .memory_read = memory_read,
    .set_initial_registers = set_initial_registers,
    .detach = nullptr,
    .thread_detach = nullptr,
};

// --- from addresses to names

// Without the symbol's version ("read@@GLIBC_2.2.5").
std::string demangle(std::string symbol) {
    symbol.resize(std::min(symbol.find('@'), symbol.size()));
    int status = -1;
    char* name = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
    const std::unique_ptr<char, void (*)(void*)> owner(name, std::free);
    return status == 0 && name != nullptr ? name : symbol;
}

std::string source_of(Dwfl_Module* module, Dwarf_Addr address) {
    Dwfl_Line* line = dwfl_module_getsrc(module, address);
    if (line == nullptr) return "";
    int number = 0;
    const char* file = dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    if (file == nullptr) return "";
    return std::string(file) + ":" + std::to_string(number);
}

// A return address may be the first of the next function: the call is before it.
Dwarf_Addr call_at(Dwarf_Addr pc, bool exact) { return exact ? pc : pc - 1; }

StackFrame name_frame(Dwfl* dwfl, Dwarf_Addr pc, bool exact, bool with_symbol) {
    StackFrame frame;
    frame.address = pc;
    Dwfl_Module* module = dwfl_addrmodule(dwfl, pc);
    if (module == nullptr) return frame;
    Dwarf_Addr base = 0;
    const char* name = dwfl_module_info(module, nullptr, &base, nullptr, nullptr, nullptr, nullptr,
                                        nullptr);
    if (name != nullptr) frame.module = name;
    frame.offset = pc - base;
    if (!with_symbol) return frame;
    const Dwarf_Addr at = call_at(pc, exact);
    GElf_Off offset = 0;
    GElf_Sym symbol{};
    const char* function = dwfl_module_addrinfo(module, at, &offset, &symbol, nullptr, nullptr,
                                                nullptr);
    if (function == nullptr) return frame;
    frame.function = demangle(function);
    frame.offset = offset + (pc - at);
    return frame;
}

// First all symbols, then all lines, for which debug information has to be read.
UnwindResult name_frames(Dwfl* dwfl, const Session& session, Clock::time_point until) {
    UnwindResult result;
    bool late = false;
    for (const auto& [pc, exact] : session.pcs) {
        late = late || Clock::now() >= until;
        result.frames.push_back(name_frame(dwfl, pc, exact, !late));
    }
    for (std::size_t i = 0; i < result.frames.size() && !late; ++i) {
        const auto& [pc, exact] = session.pcs[i];
        Dwfl_Module* module = dwfl_addrmodule(dwfl, pc);
        if (module != nullptr) result.frames[i].source = source_of(module, call_at(pc, exact));
        late = i + 1 < result.frames.size() && Clock::now() >= until;
    }
    if (late) result.unavailable = "some symbols or lines: looking them up took too long";
    return result;
}

UnwindResult addresses_only(const brink_stack_record& stack, const std::string& why) {
    UnwindResult result;
    for (const std::uint64_t address : walk_frame_pointers(stack, kMaxFrames)) {
        StackFrame frame;
        frame.address = address;
        result.frames.push_back(std::move(frame));
    }
    result.unavailable = "no symbols: " + why;
    return result;
}

std::string dwfl_error(const char* what) {
    const char* text = dwfl_errmsg(-1);
    return std::string(what) + ": " + (text != nullptr ? text : "unknown error");
}

int hand_session_to(Dwfl_Module*, void** data, const char*, Dwarf_Addr, void* session) {
    *data = session;
    return DWARF_CB_OK;
}

}  // namespace

UnwindResult unwind(pid_t pid, const brink_stack_record& stack, std::chrono::milliseconds time) {
    const Clock::time_point start = Clock::now();
    Session session{pid, &stack, {}};
    const std::unique_ptr<Dwfl, void (*)(Dwfl*)> dwfl(dwfl_begin(&kModuleCallbacks), dwfl_end);
    if (!dwfl) return addresses_only(stack, dwfl_error("libdw"));
    const int reported = dwfl_linux_proc_report(dwfl.get(), pid);
    if (reported > 0)
        return addresses_only(stack, "cannot read the mappings of process " + std::to_string(pid) +
                                         ": " + std::strerror(reported));
    if (reported < 0 || dwfl_report_end(dwfl.get(), nullptr, nullptr) != 0)
        return addresses_only(stack, dwfl_error("mappings"));
    (void)dwfl_getmodules(dwfl.get(), hand_session_to, &session, 0);
    if (!dwfl_attach_state(dwfl.get(), nullptr, pid, &kThreadCallbacks, &session))
        return addresses_only(stack, dwfl_error("unwinding"));
    // Ends with an error at the outermost frame whose caller is unknown: not worth a word.
    (void)dwfl_getthread_frames(dwfl.get(), pid, take_frame, &session);
    if (session.pcs.empty()) return addresses_only(stack, dwfl_error("unwinding"));
    return name_frames(dwfl.get(), session, start + time);
}

}  // namespace brink::kernel
