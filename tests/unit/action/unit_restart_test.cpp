// SPDX-License-Identifier: Apache-2.0
// Against a manager of the test's own, at the other end of a socket. The real one: tests/vm/systemd.sh.
#include "action/unit_restart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "../../support/scratch_folder.hpp"

namespace brink::action {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// "RestartUnit" of org.freedesktop.systemd1.Manager for one client: what happens depends on the name of the unit.
class FakeManager {
  public:
    explicit FakeManager(const std::string& path)
        : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
                  0);
        EXPECT_EQ(::listen(listener_.get(), 1), 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeManager() {
        stop_ = true;
        thread_.join();
    }

  private:
    static int restart_unit(sd_bus_message* call, void* /*self*/, sd_bus_error* error) {
        const char* unit = nullptr;
        const char* mode = nullptr;
        ::sd_bus_message_read(call, "ss", &unit, &mode);
        const std::string name(unit);
        if (name == "none.service")
            return ::sd_bus_error_set(error, "org.freedesktop.systemd1.NoSuchUnit",
                                      "Unit none.service not found.");
        if (name == "silent.service") return 1;
        ::sd_bus_reply_method_return(call, "o", "/job/7");
        sd_bus* bus = ::sd_bus_message_get_bus(call);
        const char* kinds[] = {"/job/6", "/job/7"};
        for (const char* job : kinds)
            ::sd_bus_emit_signal(bus, "/org/freedesktop/systemd1",
                                 "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 7U, job,
                                 unit,
                                 std::strcmp(job, "/job/6") == 0 ? "canceled"
                                 : name == "broken.service"      ? "failed"
                                                                 : "done");
        return 1;
    }

    void serve() {
        static const sd_bus_vtable kMethods[] = {SD_BUS_VTABLE_START(0),
                                                 SD_BUS_METHOD("RestartUnit", "ss", "o",
                                                               &FakeManager::restart_unit,
                                                               SD_BUS_VTABLE_UNPRIVILEGED),
                                                 SD_BUS_VTABLE_END};
        while (!stop_) {
            pollfd waiting{listener_.get(), POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            sd_bus* bus = nullptr;
            sd_id128_t id{};
            ::sd_id128_randomize(&id);
            ::sd_bus_new(&bus);
            const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            ::sd_bus_set_fd(bus, fd, fd);
            ::sd_bus_set_server(bus, 1, id);
            ::sd_bus_set_anonymous(bus, 1);
            ::sd_bus_start(bus);
            ::sd_bus_add_object_vtable(bus, nullptr, "/org/freedesktop/systemd1",
                                       "org.freedesktop.systemd1.Manager", kMethods, this);
            int code = 0;
            while (!stop_ && code >= 0) {
                while ((code = ::sd_bus_process(bus, nullptr)) > 0) {
                }
                if (code >= 0) ::sd_bus_wait(bus, 20'000);
            }
            ::sd_bus_flush_close_unref(bus);
        }
    }

    Fd listener_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

struct UnitRestartTest : testing::Test {
    test::ScratchFolder folder;
    std::unique_ptr<UnitRestarter> restarter = std::move(
        UnitRestarter::create("unix:path=" + folder / "bus").value());

    // The outcome, as "result: detail".
    std::string restart(const std::string& unit, milliseconds limit = milliseconds(20'000)) {
        std::string said;
        restarter->restart(unit, limit, [&](const ActionOutcome& outcome) {
            said = outcome.result + ": " + outcome.detail;
        });
        while (said.empty()) {
            pollfd fd{restarter->fd(), POLLIN, 0};
            ::poll(&fd, 1, restarter->timeout_ms());
            restarter->on_readable();
        }
        return said;
    }
};

TEST_F(UnitRestartTest, SaysHowTheJobEnded) {
    const FakeManager manager(folder / "bus");
    EXPECT_EQ(restart("web.service"), "done: web.service was restarted");
    EXPECT_TRUE(restarter->idle());
    EXPECT_EQ(restarter->timeout_ms(), -1);
    EXPECT_THAT(restart("broken.service"), HasSubstr("failed: systemd's job for broken.service "
                                                     "ended: failed"));
    EXPECT_EQ(restart("none.service"), "failed: systemd says: Unit none.service not found.");
    EXPECT_EQ(restart("web.service"), "done: web.service was restarted");
}

TEST_F(UnitRestartTest, DoesNotWaitForEver) {
    const FakeManager manager(folder / "bus");
    EXPECT_EQ(restart("silent.service", milliseconds(1000)),
              "failed: silent.service was not restarted within 1 s");
    EXPECT_TRUE(restarter->idle());
    EXPECT_EQ(restart("web.service"), "done: web.service was restarted");
}

TEST_F(UnitRestartTest, NobodyIsThere) {
    EXPECT_THAT(restart("web.service"),
                HasSubstr("failed: systemd cannot be reached: No such file"));
}

}  // namespace
}  // namespace brink::action
