#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""graphite against a real carbon-cache, whose files are read back with whisper, and against VictoriaMetrics."""

import json
import subprocess
import time
import urllib.parse
import urllib.request

from receiver import Mute
from relay import OutputTest, answers, event, free_port, lost, main, program, wait_for


class Graphite(OutputTest):
    def now(self, **changes):
        """An event of now: carbon keeps one minute here."""
        return event(time=time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()), **changes)

    def carbon(self, port):
        storage = self.folder / "storage"
        for name in ("whisper", "log"):
            (storage / name).mkdir(parents=True, exist_ok=True)
        self.file("storage-schemas.conf", "[all]\npattern = .*\nretentions = 1s:1h\n")
        config = self.file("carbon.conf", f"""[cache]
STORAGE_DIR = {storage}
LOCAL_DATA_DIR = {storage}/whisper
CONF_DIR = {self.folder}
LOG_DIR = {storage}/log
PID_DIR = {self.folder}
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {port}
ENABLE_UDP_LISTENER = False
PICKLE_RECEIVER_PORT = 0
CACHE_QUERY_PORT = {free_port()}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_WRITE_STRATEGY = naive
MAX_UPDATES_PER_SECOND = inf
MAX_CREATES_PER_MINUTE = inf
ENABLE_AMQP = False
""")
        return self.start_listening(port, program("carbon-cache"), "--nodaemon", f"--config={config}", "start")

    def value(self, path):
        """The latest value in a file of whisper; None where there is none."""
        file = self.folder / "storage" / "whisper" / (path.replace(".", "/") + ".wsp")
        if not file.exists():
            return None
        points = subprocess.run([program("whisper-fetch", "whisper-fetch.py"), "--json", f"--from={int(time.time()) - 600}", file],
                                text=True, capture_output=True, check=True).stdout
        values = [value for value in json.loads(points)["values"] if value is not None]
        return values[-1] if values else None

    def test_values_are_in_whisper(self):
        port = free_port()
        self.carbon(port)
        self.start_relay(f'type = "graphite"\naddress = "127.0.0.1:{port}"\nprefix = "monitor.brink"')
        self.write(self.now(host="web1.example.com"), self.now(comm="no.dots here", unit_name=None, limit=None, usage=7),
                   {**lost(3), "time": self.now()["time"]})
        path = "monitor.brink.web1_example_com.nofile.leaky_service"
        for name, value in (("usage", 820), ("limit", 1024), ("headroom_ratio", 1 - 820 / 1024)):
            self.assertEqual(wait_for(name, lambda name=name: self.value(f"{path}.{name}")), value)
        self.assertEqual(wait_for("usage", lambda: self.value("monitor.brink.web1.nofile.no_dots_here.usage")), 7)
        self.assertEqual(wait_for("lost", lambda: self.value("monitor.brink.web1.lost")), 3)
        self.assertIsNone(self.value("monitor.brink.web1.nofile.no_dots_here.limit"))

    def test_an_outage(self):
        port = free_port()
        self.start_relay(f'type = "graphite"\naddress = "127.0.0.1:{port}"\nretry = "10ms"\nretry_longest = "100ms"')
        self.write(self.now(usage=11))
        problem = wait_for("a problem", lambda: self.state().get("problem"))
        self.assertEqual(problem, f"127.0.0.1:{port}: Connection refused")
        daemon = self.carbon(port)
        self.assertEqual(wait_for("the value", lambda: self.value("brink.web1.nofile.leaky_service.usage")), 11)
        self.stop(daemon)
        wait_for("the port to be closed", lambda: not answers(port))
        self.write(self.now(usage=12, comm="later", unit_name=None))
        wait_for("a problem", lambda: self.state().get("problem"))
        self.carbon(port)
        self.assertEqual(wait_for("the value", lambda: self.value("brink.web1.nofile.later.usage")), 12)

    def test_a_receiver_that_does_not_read_delays_no_other(self):
        mute, port = Mute(), free_port()
        self.addCleanup(mute.close)
        self.carbon(port)
        path = self.configure(f'type = "graphite"\naddress = "127.0.0.1:{mute.port}"\ntimeout = "60s"')
        path.write_text(f'{path.read_text()}[output.other]\ntype = "graphite"\naddress = "127.0.0.1:{port}"\n')
        self.start_relay()
        self.write(*(self.now(comm="x" * 15, unit_name="u" * 200 + str(number % 10)) for number in range(20000)))
        wait_for("the other", lambda: self.state("other")["behind"] == 0)
        self.assertEqual(self.state("other")["delivered"], 20000)
        self.assertGreater(self.state()["behind"], 0)
        self.stop_relay()

    def test_victoria_metrics(self):
        port, http = free_port(), free_port()
        self.start_listening(http, program("victoria-metrics"), f"-graphiteListenAddr=127.0.0.1:{port}",
                             f"-httpListenAddr=127.0.0.1:{http}", f"-storageDataPath={self.folder}/vm", "-search.latencyOffset=0s")
        self.start_relay(f'type = "graphite"\naddress = "127.0.0.1:{port}"')
        self.write(self.now())
        self.wait_until_delivered()
        query = urllib.parse.urlencode({"match[]": '{__name__="brink.web1.nofile.leaky_service.usage"}'})

        def exported():
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"http://127.0.0.1:{http}/api/v1/export?{query}", timeout=20) as answer:
                return answer.read()

        self.assertEqual(json.loads(wait_for("the value", exported))["values"], [820])


if __name__ == "__main__":
    main()
