// SPDX-License-Identifier: Apache-2.0
#include "stop_signals.hpp"

#include <signal.h>
#include <sys/signalfd.h>

#include <initializer_list>

namespace brink::app {

int stop_signals() {
    sigset_t stop;
    sigemptyset(&stop);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&stop, number);
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    sigdelset(&stop, SIGPIPE);
    return ::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}

}  // namespace brink::app
