#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""remote_write to a real Prometheus and to VictoriaMetrics; samples that Prometheus refuses."""

import json
import time
import urllib.parse
import urllib.request

from relay import OutputTest, event, free_port, lost, main, program, wait_for
from victoria import VictoriaMetrics


class RemoteWrite(OutputTest):
    def now(self, offset_s=0, **changes):
        return event(time=time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(time.time() + offset_s)), **changes)

    def prometheus(self):
        self.port = free_port()
        config = self.file("prometheus.yml", "global:\n  scrape_interval: 1h\n")
        self.start_listening(self.port, program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.folder}/tsdb",
                             f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver")
        wait_for("Prometheus", lambda: self.query("vector(1)"))

    def query(self, query):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return None

    def relay_to(self, url, more=""):
        self.start_relay(f'type = "remote_write"\nurl = "{url}/api/v1/write"\nretry = "10ms"\nretry_longest = "100ms"\n{more}')

    def test_prometheus(self):
        self.prometheus()
        self.relay_to(f"http://127.0.0.1:{self.port}", 'labels = ["site=north", "z=1"]')
        self.write(self.now(), {**lost(3), "time": self.now()["time"]}, self.now(comm="läky\\\"", unit_name=None, limit=None))
        self.wait_until_delivered()
        series = self.query('brink_usage{subject="leaky.service"}')[0]
        self.assertEqual(series["metric"], {"__name__": "brink_usage", "host": "web1", "resource": "nofile", "scope": "process", "site": "north",
                                            "subject": "leaky.service", "unit": "1", "z": "1"})
        self.assertEqual(series["value"][1], "820")
        self.assertEqual(float(self.query("brink_headroom_ratio")[0]["value"][1]), 1 - 820 / 1024)
        self.assertEqual(self.query("brink_lost_events")[0]["value"][1], "3")
        self.assertEqual(self.query('brink_usage{subject="läky\\\\\\""}')[0]["value"][1], "820")

    def test_what_prometheus_refuses_is_left_out(self):
        self.prometheus()
        self.relay_to(f"http://127.0.0.1:{self.port}")
        self.write(self.now())
        self.wait_until_delivered()
        self.write(self.now(-36000, usage=1), self.now(1, usage=2))
        state = self.wait_until_delivered()
        self.assertEqual(state["refused"], 1)
        wait_for("the later sample", lambda: self.query("brink_usage")[0]["value"][1] == "2")
        self.assertRegex(state["last_error"], "HTTP status 400: out of (order|bounds)")

    def test_many_to_victoria_metrics(self):
        victoria = VictoriaMetrics(self)
        self.relay_to(f"http://127.0.0.1:{victoria.port}")
        self.write(*(event(time=f"2026-11-20T09:30:00.{number:03}000000Z", usage=number) for number in range(1000)))
        self.assertEqual(self.wait_until_delivered()["delivered"], 1000)
        _, values, times = wait_for("all of them", lambda: (found := victoria.series("brink_usage")) and len(found[0][1]) == 1000 and found)[0]
        self.assertEqual((values, times), (list(range(1000)), [1795167000000 + number for number in range(1000)]))


if __name__ == "__main__":
    main()
