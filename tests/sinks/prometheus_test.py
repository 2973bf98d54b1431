#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics: read by promtool and by a real Prometheus; negotiation, exemplars, the bound on series, restarts."""

import json
import os
import pathlib
import re
import subprocess
import urllib.parse
import urllib.request

from relay import EVENT, OutputTest, event, free_port, lost, main, program, wait_for

OPEN_METRICS = "application/openmetrics-text"
RULES = pathlib.Path(os.environ["SOURCE"]) / "packaging" / "prometheus"


class Prometheus(OutputTest):
    def serve(self, more=""):
        self.port = free_port()
        self.start_relay(f'type = "prometheus"\nlisten = "127.0.0.1:{self.port}"\n{more}')
        wait_for("the port", lambda: not self.state().get("problem") and self.answers())

    def answers(self):
        try:
            return self.metrics() is not None
        except OSError:
            return False

    def metrics(self, accept="text/plain"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers={"Accept": accept})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            self.content_type = answer.headers["Content-Type"]
            return answer.read().decode()

    def samples(self, name):
        """{labels: value} of one metric."""
        lines = [line for line in self.metrics().splitlines() if line.startswith((name + "{", name + " "))]
        return {line.rpartition(" ")[0][len(name):]: float(line.rpartition(" ")[2]) for line in lines}

    def test_promtool_has_no_remark(self):
        self.serve()
        self.write(EVENT, event(type="denied", errno=24, error="EMFILE"), event(type="exit", comm="gone", unit_name=None),
                   event(resource="as", unit="By", comm='q"\\uo\nte', unit_name=None, usage=1 << 40, limit=None))
        self.wait_until_delivered()
        check = subprocess.run([program("promtool"), "check", "metrics"], input=self.metrics(), text=True,
                               capture_output=True, check=False)
        self.assertEqual((check.returncode, check.stdout, check.stderr), (0, "", ""))
        self.assertIn('subject="q\\"\\\\uo\\nte",unit="bytes"} 1099511627776', self.metrics())

    def test_negotiation_and_exemplars(self):
        self.serve()
        self.write(EVENT)
        self.wait_until_delivered()
        for accept, open_metrics in (("", False), ("*/*", False), (OPEN_METRICS, True),
                                     (f"{OPEN_METRICS};version=1.0.0;q=0.5,text/plain;q=0.9", False),
                                     (f"text/plain;q=0.5, {OPEN_METRICS};version=1.0.0", True)):
            text = self.metrics(accept)
            self.assertEqual(text.endswith("# EOF\n"), open_metrics, accept)
            self.assertEqual(self.content_type.startswith(OPEN_METRICS), open_metrics, accept)
        self.assertIn('level="80%",direction="up"} 1 # {pid="1234",seq="17",engine="kernel"} 820 1795167000.123456789', self.metrics(OPEN_METRICS))

    def test_gauges_show_the_process_that_is_nearest(self):
        self.serve()
        self.write(event(pid=1, usage=820), event(pid=2, usage=1000), event(pid=3, usage=900))
        self.wait_until_delivered()
        self.assertEqual(list(self.samples("brink_usage").values()), [1000])
        self.write(event(pid=2, type="exit", usage=None, direction=None, level=None, level_as=None, unit=None))
        self.wait_until_delivered()
        self.assertEqual(list(self.samples("brink_usage").values()), [900])
        self.assertEqual(list(self.samples("brink_headroom_ratio").values()), [1 - 900 / 1024])

    def test_subjects_are_bounded(self):
        self.serve("max_subjects = 2")
        ended = {"type": "exit", "usage": None, "direction": None, "level": None, "level_as": None, "unit": None}
        self.write(event(unit_name="a"), event(unit_name="b"), event(unit_name="c"), event(unit_name="d"))
        self.wait_until_delivered()
        crossings = self.samples("brink_crossings_total")
        self.assertEqual({labels.split('subject="')[1].split('"')[0]: value for labels, value in crossings.items()},
                         {"a": 1, "b": 1, "other": 2})
        self.assertEqual(self.samples("brink_folded_events_total"), {"": 2})
        self.write(event(unit_name="a", **ended), event(unit_name="e"))
        self.wait_until_delivered()
        self.assertEqual([labels.split('subject="')[1].split('"')[0] for labels in self.samples("brink_usage")], ["b", "e"])

    def test_a_restart_counts_nothing_twice(self):
        self.serve()
        self.write(EVENT, EVENT)
        self.wait_until_delivered()
        self.stop_relay()
        self.write(EVENT, lost(7))
        self.serve()
        self.wait_until_delivered()
        self.assertEqual(list(self.samples("brink_crossings_total").values()), [1])
        self.assertEqual(self.samples("brink_lost_events_total"), {"": 7})
        self.assertEqual(list(self.samples("brink_usage").values()), [820])

    def test_a_port_that_is_taken(self):
        self.serve()
        taken, self.control = self.port, self.folder / "other-control"
        path = self.file("other.toml", f'history = "{self.history}"\nstate = "{self.folder}/other"\n'
                                       f'control = "{self.control}"\n[output.it]\ntype = "prometheus"\n'
                                       f'listen = "127.0.0.1:{taken}"\n')
        self.relay = self.start(os.environ["BRINK_RELAY"], "-c", path)
        problem = wait_for("a problem", lambda: self.state().get("problem"))
        self.assertIn(f"prometheus: 127.0.0.1:{taken} cannot be listened at: Address already in use", problem)

    def test_a_test_event_is_in_no_series(self):
        self.serve()
        self.assertEqual(self.ask("test it")["answer"], f"served at http://127.0.0.1:{self.port}/metrics")
        self.assertEqual(self.samples("brink_test_events_total"), {"": 1})
        self.assertEqual(self.samples("brink_crossings_total"), {})

    def test_a_real_prometheus_scrapes_it_and_its_rules_fire(self):
        self.serve()
        port = free_port()
        rules = self.file("brink.rules.yml", (RULES / "brink.rules.yml").read_text())
        config = self.file("prometheus.yml", json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "brink", "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}]}]}))
        self.start_listening(port, program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.folder}/tsdb",
                             f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage")
        self.write(event(usage=1000), event(type="denied", errno=24, error="EMFILE", usage=1024))

        def result(path, **query):
            url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
                    return json.load(answer)["data"]
            except OSError:
                return {}

        def series(query):
            return result("query", query=query).get("result")

        usage = wait_for("brink_usage of the last event", lambda: series("brink_usage == 1024"))[0]
        self.assertEqual({name: usage["metric"][name] for name in ("host", "resource", "subject", "unit")},
                         {"host": "web1", "resource": "nofile", "subject": "leaky.service", "unit": "1"})
        self.assertEqual(wait_for("the crossing", lambda: series("brink_crossings_total"))[0]["value"][1], "1")
        exemplars = wait_for("the exemplar", lambda: result("query_exemplars", query="brink_crossings_total",
                                                            start="2026-11-20T00:00:00Z", end="2026-11-21T00:00:00Z"))
        self.assertEqual(exemplars[0]["exemplars"][0]["labels"], {"pid": "1234", "seq": "17", "engine": "kernel"})
        firing = wait_for("the alerts", lambda: (found := {alert["labels"]["alertname"] for alert in result("alerts").get("alerts", [])
                                                           if alert["state"] == "firing"}) >= {"BrinkLimitReached", "BrinkNearLimit"} and found)
        self.assertNotIn("BrinkHeadroomLow", firing)

    def test_the_dashboard_asks_for_metrics_that_are_there(self):
        dashboard = json.loads((RULES.parent / "grafana" / "brink.json").read_text())
        asked = set(re.findall(r"brink_[a-z_]+", " ".join(panel["targets"][0]["expr"] for panel in dashboard["panels"])))
        self.serve()
        known = set(re.findall(r"^# TYPE (brink_[a-z_]+)", self.metrics(), re.MULTILINE))
        self.assertEqual(asked - known, set())
        self.assertGreater(len(asked), 4)

    def test_rules(self):
        for command in (["check", "rules", "brink.rules.yml"], ["test", "rules", "brink.rules.test.yml"]):
            done = subprocess.run([program("promtool"), *command], cwd=RULES, text=True, capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
