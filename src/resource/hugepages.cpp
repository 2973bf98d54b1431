// SPDX-License-Identifier: Apache-2.0
// hugepages: huge pages in use or reserved for mappings, against how many there are or may be made
// (Documentation/admin-guide/mm/hugetlbpage.rst), for each size. Beyond that mmap(2) fails, or a page fault
// kills with SIGBUS.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "kernel/file_text.hpp"
#include "resource/table.hpp"

namespace brink::resource {

namespace {

// The number in file `name` of one size.
Result<std::uint64_t> number(const std::string& directory, const char* name) {
    return kernel::read_number(directory + "/" + name);
}

// What the kernel may still make is counted by its surplus over the pool: nr_hugepages has that in it.
void take_size(const std::string& directory, const std::string& size, const Take& take) {
    const auto total = number(directory, "nr_hugepages");
    const auto free = number(directory, "free_hugepages");
    const auto reserved = number(directory, "resv_hugepages");
    const auto surplus = number(directory, "surplus_hugepages");
    const auto overcommit = number(directory, "nr_overcommit_hugepages");
    if (!total || !free || !reserved || !surplus || !overcommit) return;
    const std::uint64_t pool = *total - std::min(*surplus, *total);
    const std::uint64_t limit = pool + std::min(*overcommit, kUnlimited - pool);
    if (limit == 0) return;
    Subject subject;
    subject.target = size;
    subject.name = "pages of " + size;
    // The files are read one after another.
    take(std::move(subject),
         Reading{.usage = *total - std::min(*free, *total) + *reserved, .limit = limit});
}

Result<std::string> read_all(kernel::Machine& machine, const Take& take) {
    std::size_t taken = 0;
    const auto counted = [&](Subject subject, const Reading& reading) {
        ++taken;
        take(std::move(subject), reading);
    };
    std::error_code error;
    std::filesystem::directory_iterator entry(machine.sys() + "/kernel/mm/hugepages", error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename().string();  // "hugepages-2048kB"
        take_size(entry->path().string(), name.substr(std::min(name.find('-') + 1, name.size())),
                  counted);
    }
    if (taken == 0) return fail("there are no huge pages", ENOENT);
    return "";
}

}  // namespace

extern const Definition k_hugepages;
const Definition k_hugepages{
    .resource = {.name = "hugepages",
                 .scope = Scope::system,
                 .unit = Unit::count,
                 .summary = "huge pages in use or promised",
                 .limited_by = "vm.nr_hugepages, vm.nr_overcommit_hugepages",
                 .denied_errno = ENOMEM,
                 .exactness = "exact"},
    .read_all = read_all,
};

}  // namespace brink::resource
