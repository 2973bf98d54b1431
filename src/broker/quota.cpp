// SPDX-License-Identifier: Apache-2.0
#include "broker/quota.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace brink::broker {

Users::Users(const Quotas& quotas, std::uint32_t most) : quotas_(quotas) {
    for (std::uint32_t account = most; account > 0; --account) free_accounts_.push_back(account);
}

Result<User*> Users::enter(uid_t uid, bool& fresh) {
    auto found = users_.find(uid);
    fresh = found == users_.end();
    if (fresh) {
        if (free_accounts_.empty()) return fail("too many users are connected", EAGAIN);
        User user;
        user.uid = uid;
        user.account = free_accounts_.back();
        user.used = Quotas{0, 0, 0, 0, 0};
        free_accounts_.pop_back();
        found = users_.emplace(uid, user).first;
    }
    User& user = found->second;
    if (user.used.clients >= quotas_.clients)
        return fail(fmt::format("user {} has {} connections, the most there may be", uid,
                                quotas_.clients),
                    EAGAIN);
    ++user.used.clients;
    return &user;
}

void Users::leave(User& user) {
    if (--user.used.clients > 0) return;
    free_accounts_.push_back(user.account);
    users_.erase(user.uid);
}

Result<void> Users::take_watch(User& user, std::size_t levels) const {
    if (user.used.watches >= quotas_.watches)
        return fail(fmt::format("you have {} watches, the most that one user may have",
                                quotas_.watches),
                    EDQUOT);
    if (user.used.levels + levels > quotas_.levels)
        return fail(fmt::format("you have {} levels of the {} that one user may have",
                                user.used.levels, quotas_.levels),
                    EDQUOT);
    ++user.used.watches;
    user.used.levels += levels;
    return {};
}

void Users::give_watch(User& user, std::size_t levels) {
    --user.used.watches;
    user.used.levels -= levels;
}

}  // namespace brink::broker
