#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""influxdb against a real influxd (points, refusals, a password) and VictoriaMetrics."""

import json
import urllib.parse
import urllib.request

from receiver import HttpReceiver
from relay import EVENT, OutputTest, event, free_port, main, program, wait_for


class InfluxDb(OutputTest):
    def influxd(self, port, more=""):
        config = self.file("influxdb.conf", f"""
reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{self.folder}/meta"
[data]
dir = "{self.folder}/data"
wal-dir = "{self.folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
{more}
""")
        self.start_listening(port, program("influxd"), "run", "-config", config)

    def query(self, text, port, **more):
        data = urllib.parse.urlencode({"q": text, "db": "metrics", "epoch": "ns"}).encode()
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{port}/query?{urllib.parse.urlencode(more)}", data, timeout=20) as answer:
            return json.load(answer)["results"][0]

    def rows(self, port, where="", **more):
        result = self.query(f"SELECT * FROM brink {where}", port, **more)
        return [dict(zip(series["columns"], row)) for series in result.get("series", []) for row in series["values"]]

    def start_both(self, more=""):
        port = free_port()
        self.influxd(port)
        self.query("CREATE DATABASE metrics", port)
        self.start_relay(f'type = "influxdb"\nurl = "http://127.0.0.1:{port}"\ndatabase = "metrics"\nretry = "10ms"\n{more}')
        return port

    def test_points(self):
        port = self.start_both()
        self.write(EVENT)
        self.wait_until_delivered()
        row = {name: value for name, value in self.rows(port)[0].items() if value is not None}
        self.assertEqual(row, {
            "time": 1795167000123456789, "host": "web1", "resource": "nofile", "scope": "process",
            "subject": "leaky.service", "type": "crossing", "seq": 17, "usage": 820, "limit": 1024, "level": 820,
            "level_as": "80%", "direction": "up", "pid": 1234, "comm": "leaky", "uid": 1000,
            "headroom_ratio": 1 - 820 / 1024})

    def test_what_has_to_be_escaped(self):
        port = self.start_both()
        name = 'a,b=c d"e\\'
        self.write(event(comm=name, unit_name=None, limit=2 ** 64 - 1))
        self.wait_until_delivered()
        row = self.rows(port)[0]
        self.assertEqual((row["subject"], row["comm"], row["usage"]), ('a,b=c d"e_', name, 820))

    def test_in_batches_and_twice_is_once(self):
        port = self.start_both('start = "beginning"')
        self.write(*(event(time=f"2026-11-20T09:30:00.{number:09}Z", seq=number) for number in range(1, 1001)))
        self.assertEqual(self.wait_until_delivered()["delivered"], 1000)
        self.stop_relay()
        for cursor in (self.folder / "state").glob("*.cursor"):
            cursor.unlink()
        self.start_relay()
        self.assertEqual(self.wait_until_delivered()["delivered"], 1000)
        self.assertEqual([row["seq"] for row in self.rows(port)], list(range(1, 1001)))

    def test_what_is_refused_alone_is_left_out(self):
        # A field that has another type there than here: influxd refuses the point, with a message.
        port = self.start_both()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/write?db=metrics",
                                         b'brink,type=denied pid="text" 1795167000000000000', method="POST")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20).close()
        self.write(event(seq=2, comm="a", unit_name=None, pid=None), event(seq=3),
                   event(seq=4, comm="b", unit_name=None, pid=None))
        state = self.wait_until_delivered()
        self.assertEqual((state["refused"], [row["seq"] for row in self.rows(port, "WHERE seq > 0 AND type = 'crossing'")]), (1, [2, 4]))
        self.assertIn("field type conflict", state["last_error"])

    def test_a_database_that_is_created_later(self):
        port = free_port()
        self.influxd(port)
        self.start_relay(f'type = "influxdb"\nurl = "http://127.0.0.1:{port}"\ndatabase = "metrics"\nretry = "10ms"\nretry_longest = "100ms"')
        self.write(EVENT)
        self.assertIn("database not found", wait_for("a problem", lambda: self.state().get("problem")))
        self.query("CREATE DATABASE metrics", port)
        self.wait_until_delivered()
        self.assertEqual(len(self.rows(port)), 1)

    def test_a_password(self):
        port = free_port()
        self.influxd(port, "auth-enabled = true")
        self.query("CREATE USER admin WITH PASSWORD 'correct horse' WITH ALL PRIVILEGES", port)
        login = {"u": "admin", "p": "correct horse"}
        self.query("CREATE DATABASE metrics", port, **login)
        password = self.file("password", "wrong\n")
        text = f'type = "influxdb"\nurl = "http://127.0.0.1:{port}"\ndatabase = "metrics"\nuser = "admin"\npassword_file = "{password}"'
        self.start_relay(text)
        self.write(EVENT)
        self.assertIn("401", wait_for("a problem", lambda: self.state().get("problem")))
        self.stop_relay()
        self.file("password", "correct horse\n")
        self.start_relay(text)
        self.wait_until_delivered()
        self.assertEqual(len(self.rows(port, **login)), 1)

    def test_the_second_version(self):
        receiver = HttpReceiver()
        self.addCleanup(receiver.close)
        token = self.file("token", "t0ken\n")
        self.start_relay(f'type = "influxdb"\nurl = "{receiver.url}"\nbucket = "a b"\norg = "us"\ntoken_file = "{token}"')
        self.write(EVENT)
        self.wait_until_delivered()
        self.assertEqual(receiver.requests[0][0]["authorization"], "Token t0ken")
        self.assertEqual(receiver.paths[0], "/api/v2/write?precision=ns&org=us&bucket=a%20b")

    def test_victoria_metrics(self):
        port = free_port()
        self.start_listening(port, program("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={self.folder}/vm",
                             "-search.latencyOffset=0s", "-retentionPeriod=100y")
        self.start_relay(f'type = "influxdb"\nurl = "http://127.0.0.1:{port}"\ndatabase = "metrics"')
        self.write(EVENT)
        self.wait_until_delivered()

        def exported():
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"http://127.0.0.1:{port}/api/v1/export?match[]=brink_usage", timeout=20) as answer:
                return answer.read()

        exported = json.loads(wait_for("the value", exported))
        self.assertEqual((exported["values"], exported["metric"]["subject"]), ([820], "leaky.service"))


if __name__ == "__main__":
    main()
