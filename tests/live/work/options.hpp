// SPDX-License-Identifier: Apache-2.0
// The command lines of the workloads: long options with a number, a text or nothing, and numbers by position.
// Kept free of allocation after parse(), so that a workload's own behaviour is all that brink sees.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace brink::work {

class Options {
  public:
    Options(const char* name, const char* summary) : name_(name), summary_(summary) {}

    Options& positional(const char* name, const char* help, long* value, bool required = true) {
        positionals_.push_back({name, help, value, nullptr, nullptr, required});
        return *this;
    }
    Options& number(const char* name, const char* help, long* value) {
        named_.push_back({name, help, value, nullptr, nullptr, false});
        return *this;
    }
    Options& text(const char* name, const char* help, std::string* value) {
        named_.push_back({name, help, nullptr, value, nullptr, false});
        return *this;
    }
    Options& flag(const char* name, const char* help, bool* value) {
        named_.push_back({name, help, nullptr, nullptr, value, false});
        return *this;
    }

    // Ends the program on --help (status 0) and on anything it does not understand (status 2).
    void parse(int argc, char** argv) {
        std::size_t next_positional = 0;
        for (int i = 1; i < argc; ++i) {
            if (std::strcmp(argv[i], "--help") == 0) {
                print_help(stdout);
                std::exit(0);
            }
            if (std::strncmp(argv[i], "--", 2) != 0) {
                if (next_positional == positionals_.size()) fail("one argument too many", argv[i]);
                take(positionals_[next_positional++], argv[i]);
                continue;
            }
            const Entry* entry = find(argv[i] + 2);
            if (entry == nullptr) fail("unknown option", argv[i]);
            if (entry->flag != nullptr) {
                *entry->flag = true;
                continue;
            }
            if (i + 1 == argc) fail("a value is missing after", argv[i]);
            take(*entry, argv[++i]);
        }
        if (next_positional < positionals_.size() && positionals_[next_positional].required)
            fail("missing argument", positionals_[next_positional].name);
    }

  private:
    struct Entry {
        const char* name;
        const char* help;
        long* number;
        std::string* text;
        bool* flag;
        bool required;
    };

    const Entry* find(const char* name) const {
        for (const Entry& entry : named_)
            if (std::strcmp(entry.name, name) == 0) return &entry;
        return nullptr;
    }

    void take(const Entry& entry, const char* given) const {
        if (entry.text != nullptr) {
            *entry.text = given;
            return;
        }
        char* end = nullptr;
        *entry.number = std::strtol(given, &end, 10);
        if (end == given || *end != '\0') fail("not a number", given);
    }

    [[noreturn]] void fail(const char* what, const char* given) const {
        std::fprintf(stderr, "%s: %s: %s\n", name_, what, given);
        print_help(stderr);
        std::exit(2);
    }

    void print_help(FILE* out) const {
        std::fprintf(out, "usage: %s [OPTION…]", name_);
        for (const Entry& entry : positionals_)
            std::fprintf(out, entry.required ? " %s" : " [%s]", entry.name);
        std::fprintf(out, "\n%s\n", summary_);
        for (const Entry& entry : positionals_)
            std::fprintf(out, "  %-24s %s\n", entry.name, entry.help);
        for (const Entry& entry : named_) {
            const std::string shown = std::string("--") + entry.name +
                                      (entry.flag != nullptr ? "" : " VALUE");
            std::fprintf(out, "  %-24s %s\n", shown.c_str(), entry.help);
        }
    }

    const char* name_;
    const char* summary_;
    std::vector<Entry> positionals_;
    std::vector<Entry> named_;
};

}  // namespace brink::work
