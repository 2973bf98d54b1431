// SPDX-License-Identifier: Apache-2.0
// PressureTriggers: triggers of the kernel's pressure accounting (Documentation/accounting/psi.rst): a file of PSI says when
// tasks were stalled for so long within a window, once a window at most. An unprivileged trigger, which Linux allows since
// 6.5, needs a window that is a multiple of 2 s.
//
// A thread waits for them. In the epoll loop that everything else is waited for in, which is itself polled, they would be
// lost: asking a trigger whether it has fired takes the event, and there it is asked twice, once by each level.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace brink::kernel {

class PressureTriggers {
  public:
    using Duration = std::chrono::microseconds;

    struct Fired {
        std::uint32_t key;
        bool gone;  ///< the cgroup was removed; the trigger fires no more
    };

    [[nodiscard]] static Result<std::unique_ptr<PressureTriggers>> create();
    ~PressureTriggers();
    PressureTriggers(const PressureTriggers&) = delete;
    PressureTriggers& operator=(const PressureTriggers&) = delete;

    /// Fires when some task was stalled for `stalled` in a `window`, on `file` ("/proc/pressure/cpu", or "cpu.pressure" of a
    /// cgroup). The answer names it. Errors: EPERM, EACCES: not permitted, the sentence says what it takes; ENOENT,
    /// EOPNOTSUPP: no accounting there.
    /// REQUIRES: 0 < stalled <= window, and 500 ms <= window <= 10 s.
    [[nodiscard]] Result<std::uint32_t> add(const std::string& file, Duration stalled,
                                            Duration window);
    void remove(std::uint32_t key);

    /// Readable when one has fired.
    [[nodiscard]] int fd() const { return fired_event_.get(); }
    /// What has fired, each trigger once. One can have been removed by now.
    [[nodiscard]] std::vector<Fired> take_fired();

  private:
    PressureTriggers() = default;
    void wait();
    void say(std::uint32_t key, bool gone);

    Fd epoll_;        // the triggers, and stop_event_ with key 0
    Fd stop_event_;   // eventfd(2)
    Fd fired_event_;  // eventfd(2)
    std::mutex mutex_;
    std::unordered_map<std::uint32_t, bool> fired_;   // under mutex_; the value: gone
    std::unordered_map<std::uint32_t, Fd> triggers_;  // under mutex_
    std::uint32_t last_key_ = 0;
    std::thread thread_;
};

}  // namespace brink::kernel
