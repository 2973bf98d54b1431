# SPDX-License-Identifier: Apache-2.0
"""prometheus-process-exporter, alone or with Prometheus and a rule. Its alarm's program is what receives its alerts, in
the place of an Alertmanager, which would only add to the way."""
import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .brink import comm_of
from .program import Peer, free_port, wait_until


class ProcessExporter(Peer):
    NAME = "process-exporter"
    port = 0

    def start(self, pids):
        self.start_exporter(comm_of(pids[0]))

    def start_exporter(self, comm):
        self.port = free_port()
        config = self.place.configure("process_exporter.yml", COMM=comm)
        program = self.spawn([self.place.program("usr/bin/prometheus-process-exporter"), "-config.path", config,
                              "-web.listen-address", f"127.0.0.1:{self.port}", "-threads=false"])
        wait_until(lambda: answers(f"http://127.0.0.1:{self.port}/metrics"), "it answered", program)


class Prometheus(ProcessExporter):
    NAME = "process-exporter, Prometheus"
    DEFAULT_S = 15  # in Debian's prometheus.yml
    FASTEST_S = 0.1  # below this it did not keep up
    receiver = None

    def start(self, pids):
        self.start_exporter(comm_of(pids[0]))
        self.receiver = Receiver(*self.place.alert[1:]) if self.place.alert else None
        port = free_port()
        self.place.configure("prometheus_rules.yml")
        config = self.place.configure("prometheus.yml", INTERVAL=f"{round(self.interval_s * 1000)}ms",
                                      TIMEOUT=f"{min(10_000, round(self.interval_s * 1000))}ms", EXPORTER=self.port,
                                      RECEIVER=self.receiver.port if self.receiver else free_port())
        program = self.spawn([self.place.program("usr/bin/prometheus"), "--config.file", config, "--storage.tsdb.path",
                              self.place.folder / "data", "--web.listen-address", f"127.0.0.1:{port}"])
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), "it was ready", program)

    def stop(self):
        super().stop()
        if self.receiver:
            self.receiver.close()


class Receiver:
    """Takes alerts as an Alertmanager does, and writes each that begins to the file of alarms, as bench/alert does."""

    def __init__(self, file, name):
        begun = set()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                at_ns = time.monotonic_ns()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with open(file, "a", encoding="ascii") as out:
                    for alert in json.loads(body):
                        # One that goes on is sent again, and once more when it is over.
                        if alert["startsAt"] not in begun:
                            begun.add(alert["startsAt"])
                            out.write(f"{name} {at_ns}\n")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            answer.read()
            return True
    except (urllib.error.URLError, OSError):
        return False
