#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs golden cases: commands whose whole output is known.

usage: run.py BRINK CASES...

A case is a block of lines; the first one begins with NAME:

    NAME an unknown format is refused
    RUN brink run -o xml -- true
    EXPECT_STATUS 125
    EXPECT_STDERR brink run: option --output: there is no format 'xml'; there are: text, json

RUN is given to /bin/sh in an empty folder; `brink` is the program under test, and $CASES the folder of the case. What is not expected must not come:
without EXPECT standard output is empty, without EXPECT_STDERR standard error is, without EXPECT_STATUS the status is 0.
EXPECT_REGEX and EXPECT_STDERR_REGEX take a regular expression for the whole instead. A keyword can be followed by more
lines that begin with '|'; blank lines and lines that begin with '#' separate. Cases depend neither on privileges nor on
the machine.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

KEYWORDS = ["NAME", "RUN", "EXPECT", "EXPECT_REGEX", "EXPECT_STDERR", "EXPECT_STDERR_REGEX", "EXPECT_STATUS"]
TIMEOUT_S = 20


def read_cases(path):
    """Every case of a file as {keyword: text}."""
    cases, last = [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        keyword, _, text = line.partition(" ")
        if line.startswith("|") and last:
            case = cases[-1]
            case[last] = case[last] + "\n" + line[1:] if case[last] else line[1:]
        elif not line or line.startswith("#"):
            last = None
        elif keyword not in KEYWORDS:
            sys.exit(f"{path}:{number}: '{keyword}' is no keyword; there are: {', '.join(KEYWORDS)}")
        else:
            if keyword == "NAME":
                cases.append({})
            elif not cases or keyword in cases[-1]:
                sys.exit(f"{path}:{number}: {keyword} is there twice, or before NAME")
            cases[-1][keyword] = text
            last = keyword
    for case in cases:
        if not case["NAME"] or not case.get("RUN"):
            sys.exit(f"{path}: case '{case['NAME']}' has no name or no RUN")
    return cases


def run(command, folder, brink, cases):
    path = f"{brink.parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    environment = {"PATH": path, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": folder,
                   "CASES": str(cases)}
    return subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=TIMEOUT_S, check=False)


def complaint(what, actual, case, keyword):
    """What is wrong with one output; None if nothing is."""
    text = actual.decode("utf-8", "backslashreplace")
    pattern = case.get(f"{keyword}_REGEX")
    if pattern is not None:
        return None if re.fullmatch(pattern + r"\n?", text) else f"{what} does not match {pattern!r}:\n{text}"
    expected = case.get(keyword)
    expected = "" if expected is None else expected + "\n"
    if text == expected:
        return None
    as_case = "\n".join("|" + line for line in text.splitlines())
    return f"{what} is\n{as_case}\nand should be\n{expected}"


def check(case, brink, cases):
    """Complaints about one case, a list of texts."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = run(case["RUN"], folder, brink, cases)
        except subprocess.TimeoutExpired:
            return [f"still running after {TIMEOUT_S} s"]
    status = int(case.get("EXPECT_STATUS", "0"))
    complaints = [complaint("standard output", result.stdout, case, "EXPECT"),
                  complaint("standard error", result.stderr, case, "EXPECT_STDERR"),
                  None if result.returncode == status else f"status is {result.returncode}, should be {status}"]
    return [text for text in complaints if text]


def main(brink, files):
    passed = failed = 0
    for path in files:
        for case in read_cases(pathlib.Path(path)):
            complaints = check(case, pathlib.Path(brink).resolve(), pathlib.Path(path).resolve().parent)
            passed += not complaints
            failed += bool(complaints)
            if complaints:
                print(f"{path}: {case['NAME']}\n  {case['RUN']}", *complaints, sep="\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
