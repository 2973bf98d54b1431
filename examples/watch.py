#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Watches a process through brinkd without a library: watch.py PID SPEC, as in watch.py 4321 nofile=80%"""
import os
import socket
import struct
import sys

REQUEST = struct.Struct("=HHIQIiI36x448s")  # include/brink/protocol.h
EVENT = struct.Struct("=IIQQQQQQQQQQQQiiiIiIBBBB4x16s104s")
TYPES = ["", "crossing", "initial", "denied", "limit_changed", "exit", "lost", "resync", "reply"]


def text(field):
    return field.split(b"\0")[0].decode(errors="replace")


monitor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
monitor.connect(os.environ.get("BRINK_SOCKET", "/run/brink/brink.sock"))
monitor.send(REQUEST.pack(1, 1, 0, 0, 0, int(sys.argv[1]), 0, sys.argv[2].encode()))
while event := monitor.recv(EVENT.size):
    kind, _, _, seq, _, _, _, usage, level, limit, *_, pid, _, _, _, error, _, way, _, _, _, comm, why = EVENT.unpack(event)
    if TYPES[kind] == "reply" and error:
        sys.exit(f"{os.strerror(error)}: {text(why)}")
    if TYPES[kind] != "reply":
        print(seq, TYPES[kind], ["", "up", "down"][way], f"{text(comm)}[{pid}] usage {usage} of {limit}", text(why), flush=True)
    if TYPES[kind] == "exit":
        break
