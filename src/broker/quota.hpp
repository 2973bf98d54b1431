// SPDX-License-Identifier: Apache-2.0
// Quotas: what one user may have of what all clients share, over all of that user's connections.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/result.hpp"

namespace brink::broker {

struct Quotas {
    std::size_t clients = 64;  ///< connections at once
    std::size_t watches = 1024;
    std::size_t levels = 4096;            ///< of all watches together
    std::size_t subjects = 1024;          ///< watches on processes at once, children included
    std::size_t queue_bytes = 1U << 20U;  ///< events that wait to be read
};

/// One user, for as long as one of its clients is there.
struct User {
    uid_t uid = 0;
    std::uint32_t account = 0;  ///< of the source of records
    Quotas used;                ///< `subjects` is counted by the source
    std::uint64_t dropped =
        0;                   ///< records of it that the source has dropped, before it was read last
    std::uint64_t lost = 0;  ///< those that were said
};

class Users {
  public:
    /// Accounts are numbered from 1 to `most`.
    Users(const Quotas& quotas, std::uint32_t most);

    [[nodiscard]] const Quotas& quotas() const { return quotas_; }

    /// One client more of `uid`. `fresh` comes back true if it is the first. Errors: EAGAIN, the user has as many as may
    /// be, or there are too many users.
    [[nodiscard]] Result<User*> enter(uid_t uid, bool& fresh);
    void leave(User& user);

    /// Takes a watch with so many levels. The error, EDQUOT, says which quota is used up.
    [[nodiscard]] Result<void> take_watch(User& user, std::size_t levels) const;
    static void give_watch(User& user, std::size_t levels);

    template <typename Visit>
    void for_each(Visit visit) {
        for (auto& [uid, user] : users_) visit(user);
    }

  private:
    Quotas quotas_;
    std::map<uid_t, User> users_;
    std::vector<std::uint32_t> free_accounts_;
};

}  // namespace brink::broker
