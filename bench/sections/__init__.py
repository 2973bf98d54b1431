# SPDX-License-Identifier: Apache-2.0
"""The sections of docs/benchmarks.md: one file for each, which has its text from the lines of build/bench/*.jsonl."""
