// SPDX-License-Identifier: Apache-2.0
#include "stop_signals.hpp"

#include <signal.h>
#include <sys/signalfd.h>

#include <initializer_list>

namespace brink::app {

int stop_signals() {
    sigset_t stop;
    sigemptyset(&stop);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stop, number);
    const int fd = ::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&stop, SIGPIPE);
    if (fd >= 0) ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    return fd;
}

}  // namespace brink::app
