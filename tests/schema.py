#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every event that the tests produced against the published schema.

usage: schema.py SCHEMA FOLDER   (every line of every *.jsonl below FOLDER)
"""

import json
import pathlib
import sys

import jsonschema

COMPLAINTS_SHOWN = 20

# Of a long file every line is parsed, but only lines of a form that has not been seen in it are held
# against the schema: the same fields with the same types and the same words.
CHECKED_WHOLE = 2000
WORDS = {"type", "direction", "scope", "cause", "engine", "unit", "result", "level_as"}


def lines_of(folder):
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                yield f"{path}:{number}", line


def form_of(event):
    return tuple((name, value if name in WORDS else type(value)) for name, value in event.items())


def complaints_about(place, line, validator, seen):
    try:
        event = json.loads(line)
    except ValueError as error:
        return [f"not JSON: {error}"]
    path, number = place.rsplit(":", 1)
    if int(number) > CHECKED_WHOLE and isinstance(event, dict):
        form = (path, form_of(event))
        if form in seen:
            return []
        seen.add(form)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]


def main(schema_path, folder):
    schema = json.loads(pathlib.Path(schema_path).read_text(encoding="utf-8"))
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)

    checked = bad = 0
    seen = set()
    for place, line in lines_of(pathlib.Path(folder)):
        checked += 1
        complaints = complaints_about(place, line, validator, seen)
        bad += bool(complaints)
        if complaints and bad <= COMPLAINTS_SHOWN:
            print(f"{place}: {'; '.join(complaints)}\n    {line.strip()}")
    if not checked:
        return f"no event at all below {folder}: the tests that write them did not run"
    if bad:
        return f"{bad} of {checked} events are not valid"
    print(f"{checked} events are valid")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
