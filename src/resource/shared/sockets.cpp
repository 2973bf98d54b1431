// SPDX-License-Identifier: Apache-2.0
#include "resource/shared/sockets.hpp"

#include <string>

namespace brink::resource {

Subject the_socket(const kernel::Machine& machine, const kernel::ListeningSocket& socket,
                   pid_t owner) {
    Subject subject;
    subject.target = socket.address;
    subject.name = socket.address;
    subject.inode = socket.inode;
    if (owner == 0) return subject;
    subject.pid = owner;
    subject.comm = machine.process_comm(owner);
    subject.name += " of " + subject.comm + "[" + std::to_string(owner) + "]";
    return subject;
}

}  // namespace brink::resource
