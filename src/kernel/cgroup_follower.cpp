// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup_follower.hpp"

#include <sys/inotify.h>

#include <array>
#include <cerrno>

namespace brink::kernel {

Result<std::unique_ptr<CgroupFollower>> CgroupFollower::create(const CgroupTree& tree,
                                                               Handlers handlers) {
    std::unique_ptr<CgroupFollower> follower(new CgroupFollower(tree.root(), std::move(handlers)));
    follower->inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!follower->inotify_) return fail_errno("inotify_init1");
    return follower;
}

void CgroupFollower::start() { scan(); }

void CgroupFollower::visit(const std::function<void(const Cgroup&)>& visitor) const {
    for (const auto& [path, followed] : followed_) visitor(followed.cgroup);
}

// The watch on the folder comes first, then the look at what is in it: what is made between the two is seen twice, and
// entered once.
void CgroupFollower::enter(const Cgroup& cgroup) {
    const auto known = followed_.find(cgroup.path());
    if (known != followed_.end()) {
        known->second.seen = true;
    } else {
        const int watch = ::inotify_add_watch(inotify_.get(), cgroup.directory().c_str(),
                                              IN_CREATE | IN_DELETE | IN_ONLYDIR);
        if (watch < 0) {
            missed_ |= errno == ENOSPC;  // else it is gone again
            return;
        }
        folders_[watch] = cgroup.path();
        followed_.emplace(cgroup.path(), Followed{watch, {}, cgroup});
        handlers_.on_birth(cgroup);
    }
    for (const Cgroup& below : cgroup.children()) enter(below);
}

void CgroupFollower::leave(const std::string& path) {
    const auto gone = followed_.find(path);
    if (gone == followed_.end()) return;
    const Followed followed = std::move(gone->second);
    followed_.erase(gone);
    (void)::inotify_rm_watch(inotify_.get(), followed.folder);
    folders_.erase(followed.folder);
    // The kernel keeps the watch on a file of a cgroup that is gone.
    for (const auto& [name, watch] : followed.files) {
        (void)::inotify_rm_watch(inotify_.get(), watch);
        files_.erase(watch);
    }
    handlers_.on_death(path);
}

Result<void> CgroupFollower::follow_file(const Cgroup& cgroup, const std::string& name,
                                         std::uint64_t key) {
    const auto place = followed_.find(cgroup.path());
    if (place == followed_.end()) return fail(cgroup.path() + " is gone", ENOENT);
    const std::string path = cgroup.directory() + "/" + name;
    const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
    missed_ |= watch < 0 && errno == ENOSPC;
    if (watch < 0) return fail_errno(path);
    place->second.files[name] = watch;
    files_[watch].push_back(key);
    return {};
}

void CgroupFollower::read() {
    alignas(inotify_event) std::array<char, 16384> buffer;
    bool overflow = false;
    for (ssize_t n = 0; (n = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
        for (const char* at = buffer.data(); at < buffer.data() + n;) {
            const auto* event = reinterpret_cast<const inotify_event*>(at);
            overflow |= (event->mask & IN_Q_OVERFLOW) != 0;
            take(event->wd, event->mask, event->len > 0 ? event->name : "");
            at += sizeof *event + event->len;
        }
    }
    if (!overflow) return;
    scan();
    for (const auto& [watch, keys] : std::unordered_map(files_))
        for (const std::uint64_t key : keys) handlers_.on_change(key);
}

void CgroupFollower::take(int watch, std::uint32_t mask, const char* name) {
    if (const auto file = files_.find(watch); file != files_.end()) {
        if (mask & IN_MODIFY)
            for (const std::uint64_t key : std::vector(file->second)) handlers_.on_change(key);
        return;
    }
    const auto folder = folders_.find(watch);
    if (folder == folders_.end() || !(mask & IN_ISDIR)) return;
    const auto parent = followed_.find(folder->second);
    if (parent == followed_.end()) return;
    const Cgroup cgroup = parent->second.cgroup.child(name);
    if (mask & IN_CREATE) enter(cgroup);
    if (mask & IN_DELETE) leave(cgroup.path());
}

// Everything anew: what is there, and what is there no longer.
void CgroupFollower::scan() {
    for (auto& [path, followed] : followed_) followed.seen = false;
    enter(root_);
    std::vector<std::string> gone;
    for (const auto& [path, followed] : followed_)
        if (!followed.seen) gone.push_back(path);
    for (const std::string& path : gone) leave(path);
}

}  // namespace brink::kernel
