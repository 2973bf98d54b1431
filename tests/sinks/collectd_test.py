#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""collectd against a real collectd (values by collectdctl, notifications in its log) and InfluxDB's collectd listener."""

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request

from relay import OutputTest, event, free_port, lost, main, program, wait_for

VALUE = "web1/brink-leaky.service/gauge-nofile-usage"


class Collectd(OutputTest):
    def collectd(self, port, level="None", address="127.0.0.1"):
        self.file("users", "device7: correct horse\n")
        config = self.file("collectd.conf", f"""
Hostname "receiver"
BaseDir "{self.folder}"
PIDFile "{self.folder}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
Interval 3600
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{self.folder}/collectd.log"
</Plugin>
LoadPlugin network
<Plugin network>
  <Listen "{address}" "{port}">
    SecurityLevel {level}
    AuthFile "{self.folder}/users"
  </Listen>
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{self.folder}/collectd.sock"
  DeleteSocket true
</Plugin>
""")
        process = self.start(program("collectd"), "-f", "-C", config)
        wait_for("collectd", lambda: ("Initialization complete" in self.log("collectd") and (self.folder / "collectd.sock").exists())
                 or self.ended(process))
        return process

    def value(self, name=VALUE):
        """What collectd has of it; None where it has nothing."""
        done = subprocess.run([program("collectdctl"), "-s", self.folder / "collectd.sock", "getval", name], text=True, capture_output=True, check=False)
        return float(done.stdout.strip().partition("=")[2]) if done.returncode == 0 else None

    def relay_to(self, port, more="", address="127.0.0.1"):
        self.start_relay(f'type = "collectd"\naddress = "{address}:{port}"\nretry = "10ms"\nretry_longest = "100ms"\n{more}')

    def now(self, **changes):
        return event(time=time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime()), **changes)

    def test_values_and_notifications(self):
        port = free_port()
        self.collectd(port)
        self.relay_to(port)
        self.write(self.now(), self.now(type="denied", errno=24, error="EMFILE", comm="it's/x-y", unit_name=None), {**lost(3), "time": self.now()["time"]})
        self.assertEqual(wait_for("the usage", self.value), 820)
        self.assertEqual(self.value(VALUE.replace("usage", "limit")), 1024)
        self.assertAlmostEqual(self.value("web1/brink-leaky.service/percent-nofile-used"), 100 * 820 / 1024, places=4)
        self.assertEqual(wait_for("the other", lambda: self.value("web1/brink-it_s_x-y/gauge-nofile-usage")), 820)
        self.assertEqual(wait_for("lost", lambda: self.value("web1/brink/gauge-lost")), 3)
        wait_for("the notifications", lambda: self.log("collectd").count("Notification:") == 3)
        self.assertRegex(self.log("collectd"), r"severity = WARNING, host = web1, plugin = brink, plugin_instance = leaky.service, type = gauge, "
                                               r"type_instance = nofile-usage, message = nofile 80% up: leaky.service\[1234\] at 820 of 1024")
        self.assertRegex(self.log("collectd"), r"severity = FAILURE, .*refused \(Too many open files\)")

    def test_signed_and_encrypted(self):
        secret = self.file("password", "correct horse\n")
        wrong = self.file("wrong", "incorrect horse\n")
        for count, (level, security) in enumerate((("Sign", "sign"), ("Encrypt", "encrypt"), ("Sign", "encrypt"))):
            port = free_port()
            daemon = self.collectd(port, level)
            for password, usage in ((wrong, 1000 + count), (secret, 100 + count)):
                self.relay_to(port, f'security = "{security}"\nuser = "device7"\npassword_file = "{password}"')
                self.write(self.now(usage=usage))
                self.wait_until_delivered()
                self.stop_relay()
            self.assertEqual(wait_for(security, self.value), 100 + count)
            # Not the one with the wrong password, which was sent before.
            self.assertNotIn(f"at {1000 + count} of", self.log("collectd"))
            self.stop(daemon)
            (self.folder / "collectd.log").unlink()

    def test_unsigned_is_refused_by_a_receiver_that_wants_more(self):
        port = free_port()
        self.collectd(port, "Sign")
        secret = self.file("password", "correct horse\n")
        self.relay_to(port)
        self.write(self.now(usage=1))
        self.wait_until_delivered()
        self.stop_relay()
        self.relay_to(port, f'security = "sign"\nuser = "device7"\npassword_file = "{secret}"')
        self.write(self.now(usage=2, comm="other", unit_name=None))
        wait_for("the signed one", lambda: self.value("web1/brink-other/gauge-nofile-usage"))
        self.assertIsNone(self.value())

    def test_multicast(self):
        group = "239.192.74.66"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((group, 9))
            except OSError as error:
                self.skipTest(f"no route for multicast here: {error}")
        port = free_port()
        self.collectd(port, address=group)
        self.relay_to(port, address=group)
        self.write(self.now())
        self.assertEqual(wait_for("the value", self.value), 820)

    def test_a_receiver_that_comes_later(self):
        port = free_port()
        self.relay_to(port)
        self.write(self.now())
        self.assertEqual(wait_for("a problem", lambda: self.state().get("problem")), f"127.0.0.1:{port}: Connection refused")
        self.collectd(port)
        self.assertEqual(wait_for("the value", self.value), 820)

    def test_influxdb_understands_it(self):
        port, http = free_port(), free_port()
        config = self.file("influxdb.conf", f"""
reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{self.folder}/meta"
[data]
dir = "{self.folder}/data"
wal-dir = "{self.folder}/wal"
[http]
bind-address = "127.0.0.1:{http}"
[[collectd]]
enabled = true
bind-address = "127.0.0.1:{port}"
database = "collectd"
batch-size = 1
typesdb = "/usr/share/collectd/types.db"
""")
        self.start_listening(http, program("influxd"), "run", "-config", config)
        self.relay_to(port)
        self.write(self.now())

        def rows():
            query = urllib.parse.urlencode({"q": "SELECT * FROM brink_value WHERE type_instance = 'nofile-usage'", "db": "collectd"})
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{http}/query?{query}", timeout=20) as answer:
                series = json.load(answer)["results"][0].get("series")
            return series and dict(zip(series[0]["columns"], series[0]["values"][0]))

        row = wait_for("the point", rows)
        self.assertEqual((row["host"], row["instance"], row["type"], row["value"]), ("web1", "leaky.service", "gauge", 820))

    def test_test_sink(self):
        port = free_port()
        self.collectd(port)
        self.relay_to(port)
        self.assertRegex(self.ask("test it")["answer"], rf"\d+ bytes sent to 127.0.0.1:{port}; nobody answers")
        wait_for("the notification", lambda: "message = test: test 80% up: brink-test at 80 of 100" in self.log("collectd"))


if __name__ == "__main__":
    main()
