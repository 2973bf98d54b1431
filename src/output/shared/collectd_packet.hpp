// SPDX-License-Identifier: Apache-2.0
// A packet of collectd's binary protocol, as its network plugin sends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace brink::output {

/// Whose value, or notification, comes next. Texts are cut to what collectd keeps.
struct CollectdName {
    std::string host;
    std::string plugin;
    std::string plugin_instance;
    std::string type;
    std::string type_instance;
    std::int64_t time_ns = 0;
    std::int64_t interval_ns = 0;
};

enum class CollectdSeverity : std::uint64_t { failure = 1, warning = 2, okay = 4 };

class CollectdPacket {
  public:
    static constexpr std::size_t kMostBytes = 1452;  ///< of a packet, signed or encrypted

    void add_gauge(const CollectdName& name, double value);
    void add_notification(const CollectdName& name, CollectdSeverity severity,
                          const std::string& message);

    [[nodiscard]] const std::string& bytes() const { return bytes_; }

    /// The same with a signature: HMAC-SHA256 by `password`.
    [[nodiscard]] std::string signed_by(const std::string& user, const std::string& password) const;
    /// The same, encrypted with AES-256-OFB. The error: there is no randomness, or no such cipher.
    [[nodiscard]] Result<std::string> encrypted_for(const std::string& user,
                                                    const std::string& password) const;

  private:
    void add_name(const CollectdName& name);
    void add_text(std::uint16_t type, const std::string& text, std::size_t most = 127);
    void add_number(std::uint16_t type, std::uint64_t number);

    std::string bytes_;
};

}  // namespace brink::output
