// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <string>

namespace brink::kernel {

/// How a skeleton is opened whose types are described by the file `btf`; empty: by the running kernel. `btf` outlives it.
///
/// A type that vmlinux does not have is looked for in modules, too, which without CAP_SYS_ADMIN ends the load with EPERM
/// (libbpf 1.1, load_module_btfs()). Where that is refused, vmlinux is named as the only description.
[[nodiscard]] bpf_object_open_opts open_options(const std::string& btf);

}  // namespace brink::kernel
