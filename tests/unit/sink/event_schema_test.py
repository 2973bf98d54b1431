#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the schema against sample events: it accepts each, and nothing that was spoilt.

usage: event_schema_test.py SCHEMA SAMPLES
"""

import json
import pathlib
import sys

import jsonschema

REQUIRED_OF_ALL = ["type", "time", "monotonic_ns", "seq", "host", "boot_id"]
REQUIRED_OF_SUBJECTS = ["resource", "scope", "usage", "limit", "unit", "engine", "watch"]
REQUIRED_OF_SCOPE = {"process": ["start_time"], "thread": ["start_time"], "user": ["uid"], "cgroup": ["cgroup"],
                     "socket": ["target"], "system": []}
REQUIRED = {
    "crossing": REQUIRED_OF_SUBJECTS + ["direction", "level", "level_as"],
    "initial": REQUIRED_OF_SUBJECTS + ["direction", "level", "level_as"],
    "denied": REQUIRED_OF_SUBJECTS,
    "limit_changed": REQUIRED_OF_SUBJECTS,
    "exit": ["resource", "scope", "engine", "watch"],
    "lost": ["lost", "engine"],
    "resync": REQUIRED_OF_SUBJECTS,
    "action": ["action", "result", "cause_seq"],
}
FOREIGN = {"errno": 24, "times": 2, "lost": 1, "old_limit": 5, "reason": "credentials", "result": "done", "direction": "up"}
SPOILT = {"time": "2026-11-20 09:30:00", "seq": 0, "type": "crossed", "boot_id": "x", "host": "", "pid": 0,
          "usage": -1, "limit": "unlimited", "level": 1.5, "unit": "bytes", "comm": None, "uid": 4294967296}


def spoil(event):
    """Every (what was done, event) that must not be valid."""
    yield "unknown field", event | {"headroom": 1}
    for field in REQUIRED_OF_ALL + REQUIRED[event["type"]] + REQUIRED_OF_SCOPE.get(event.get("scope"), []):
        yield f"without {field}", {name: value for name, value in event.items() if name != field}
    for field, value in SPOILT.items():
        if field in event:
            yield f"{field} spoilt", event | {field: value}
    if event["type"] == "denied":
        told = {"reason"} if "reason" in event else {"errno", "error"}
        yield "without any reason", {name: value for name, value in event.items() if name not in told}
    if event["type"] == "initial":
        yield "downwards", event | {"direction": "down"}
    if event.get("scope") not in (None, "user"):
        yield "with a user namespace", event | {"user_namespace": 4026532201}
    if event.get("scope") not in (None, "socket", "system"):
        yield "with a target", event | {"target": "/home"}
    for field, value in FOREIGN.items():
        if field not in event and field not in REQUIRED[event["type"]]:
            allowed = {"errno": ["denied"], "old_limit": ["limit_changed"], "reason": ["exit", "denied"], "times": ["denied"]}
            if event["type"] not in allowed.get(field, []):
                yield f"with {field}", event | {field: value}


def main(schema_path, samples_path):
    schema = json.loads(pathlib.Path(schema_path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    seen, checked = set(), 0
    for line in pathlib.Path(samples_path).read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        seen.add(event["type"])
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]
        if errors:
            return f"not valid: {'; '.join(errors)}\n    {line}"
        for what, spoilt in spoil(event):
            checked += 1
            if validator.is_valid(spoilt):
                return f"accepted {what}: {json.dumps(spoilt)}"
    if seen != set(REQUIRED):
        return f"no sample of: {', '.join(sorted(set(REQUIRED) - seen))}"
    print(f"all types accepted, {checked} spoilt events refused")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
