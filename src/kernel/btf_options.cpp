// SPDX-License-Identifier: Apache-2.0
#include "kernel/btf_options.hpp"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>

namespace brink::kernel {

bpf_object_open_opts open_options(const std::string& btf) {
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    std::uint32_t first = 0;
    if (!btf.empty())
        options.btf_custom_path = btf.c_str();
    else if (bpf_btf_get_next_id(0, &first) != 0 && errno == EPERM)
        options.btf_custom_path = "/sys/kernel/btf/vmlinux";
    return options;
}

}  // namespace brink::kernel
