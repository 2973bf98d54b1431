// SPDX-License-Identifier: Apache-2.0
#include "steps.hpp"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace brink::live {

Steps::Steps(std::vector<std::function<int()>> steps, bool keeps) {
    int orders[2];
    int answers[2];
    if (::pipe2(orders, O_CLOEXEC) || ::pipe2(answers, O_CLOEXEC)) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::close(orders[1]);
        ::close(answers[0]);
        if (!keeps) {
            const int low[] = {::fcntl(orders[0], F_DUPFD_CLOEXEC, 100),
                               ::fcntl(answers[1], F_DUPFD_CLOEXEC, 100)};
            orders[0] = ::dup3(low[0], 3, O_CLOEXEC);
            answers[1] = ::dup3(low[1], 4, O_CLOEXEC);
            ::syscall(SYS_close_range, 5U, ~0U, 0U);
        }
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int ready = 0;
        if (::write(answers[1], &ready, sizeof ready) < 0) ::_exit(1);
        char order = 0;
        for (const auto& step : steps) {
            if (::read(orders[0], &order, 1) != 1) ::_exit(0);
            const int answer = step();
            if (::write(answers[1], &answer, sizeof answer) < 0) ::_exit(1);
        }
        while (::read(orders[0], &order, 1) == 1) {
        }
        ::_exit(0);
    }
    ::close(orders[0]);
    ::close(answers[1]);
    orders_ = orders[1];
    answers_ = answers[0];
    // It may be watched from now on: it has no descriptors any more that it is not to have.
    int ready = 0;
    if (::read(answers_, &ready, sizeof ready) != sizeof ready) std::abort();
}

Steps::~Steps() {
    ::close(orders_);
    ::close(answers_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

int Steps::next() const {
    int answer = 0;
    if (::write(orders_, "", 1) != 1) return errno;
    const ssize_t got = ::read(answers_, &answer, sizeof answer);
    return got == sizeof answer ? answer : 0;
}

std::function<int()> become(uid_t uid, gid_t gid) {
    return [=] {
        if (::setgroups(0, nullptr) || ::setresgid(gid, gid, gid) || ::setresuid(uid, uid, uid))
            return errno;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of ids takes it back
        return 0;
    };
}

std::function<int()> become_mixed(uid_t real, uid_t saved) {
    return [=] {
        return ::setgroups(0, nullptr) || ::setresgid(real, real, real) ||
                       ::setresuid(real, real, saved)
                   ? errno
                   : 0;
    };
}

std::function<int()> open_files(int count) {
    return [=] {
        for (int i = 0; i < count; ++i)
            if (::open("/dev/null", O_RDONLY) < 0) return errno;
        return 0;
    };
}

std::function<int()> execute(const std::string& program) {
    return [=] {
        ::execl(program.c_str(), "sleep", "1000", nullptr);
        return errno;
    };
}

}  // namespace brink::live
