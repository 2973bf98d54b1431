// SPDX-License-Identifier: Apache-2.0
// ServiceManager: what brinkd tells systemd (sd_notify(3)); nothing where it was not started by it.
#pragma once

#include <string>

#include "base/fd.hpp"

namespace brink::app {

class ServiceManager {
  public:
    /// With WatchdogSec= in the unit there is a timer at half of it, which wakes the daemon; without, none.
    ServiceManager();

    void ready(const std::string& status) const;
    void reloading() const;
    void stopping() const;

    /// Readable when beat() is due; -1: never.
    [[nodiscard]] int fd() const { return timer_.get(); }
    void beat() const;

  private:
    Fd timer_;
};

}  // namespace brink::app
