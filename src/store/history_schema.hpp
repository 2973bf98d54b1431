// SPDX-License-Identifier: Apache-2.0
// The tables of a history, and how a writer sets its connection up. A change of the tables is a new kSchemaVersion.
#pragma once

#include <cstdint>

namespace brink::store {

inline constexpr std::int64_t kApplicationId = 0x62726e6b;  // "brnk"
inline constexpr std::int64_t kSchemaVersion = 1;

// auto_vacuum has to come before the first table. synchronous=NORMAL: a crash of the machine can take the last entries, never
// the file. The cache is small: entries are written, not read.
inline constexpr const char* kSettings = "PRAGMA auto_vacuum=INCREMENTAL;"
                                         "PRAGMA journal_mode=WAL;"
                                         "PRAGMA synchronous=NORMAL;"
                                         "PRAGMA wal_autocheckpoint=128;"
                                         "PRAGMA journal_size_limit=4194304;"
                                         "PRAGMA cache_size=-256;"
                                         "PRAGMA temp_store=MEMORY;";

// `type` is the value of EventType.
inline constexpr const char* kSchema =
    "BEGIN;"
    "CREATE TABLE events(number INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, type INTEGER NOT "
    "NULL,"
    " resource TEXT, pid INTEGER, comm TEXT, unit_name TEXT, uid INTEGER, cgroup TEXT,"
    " json TEXT NOT NULL) STRICT;"
    "CREATE INDEX events_by_time ON events(time_ns);"
    "PRAGMA application_id=0x62726e6b;"
    "PRAGMA user_version=1;"
    "COMMIT;";

inline constexpr const char* kInsert =
    "INSERT INTO events(number, time_ns, type, resource, pid, comm, unit_name, uid, cgroup, json)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

}  // namespace brink::store
