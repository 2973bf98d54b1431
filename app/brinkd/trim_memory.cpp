// SPDX-License-Identifier: Apache-2.0
#include "trim_memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace brink::app {
namespace {

// Segments that cannot be written hold nothing but what the file holds: relocations are in those that can. (A breakpoint
// that a debugger has set before would go.)
int drop_constant_pages(dl_phdr_info* object, std::size_t /*size*/, void* /*unused*/) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W)) continue;
        const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
        const std::uintptr_t first = (begin + page - 1) & ~(page - 1);
        const std::uintptr_t end = (begin + segment.p_memsz) & ~(page - 1);
        // NOLINTNEXTLINE(performance-no-int-to-ptr): where an object was loaded is given as a number
        auto* const start = reinterpret_cast<void*>(first);
        if (first < end) ::madvise(start, end - first, MADV_DONTNEED);
    }
    return 0;
}

}  // namespace

void trim_memory() {
    ::malloc_trim(0);
    ::dl_iterate_phdr(drop_constant_pages, nullptr);
}

}  // namespace brink::app
