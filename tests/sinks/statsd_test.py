#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""statsd against collectd's plugin for it, whose values collectdctl reads."""

import subprocess

from relay import EVENT, OutputTest, event, free_port, lost, main, program, wait_for


class StatsD(OutputTest):
    def collectd(self, port):
        config = self.file("collectd.conf", f"""
Hostname "receiver"
BaseDir "{self.folder}"
PIDFile "{self.folder}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
Interval 1
LoadPlugin statsd
<Plugin statsd>
  Host "127.0.0.1"
  Port "{port}"
  CounterSum true
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{self.folder}/collectd.sock"
  DeleteSocket true
</Plugin>
""")
        process = self.start(program("collectd"), "-f", "-C", config)
        wait_for("collectd", lambda: (self.folder / "collectd.sock").exists() or self.ended(process))

    def value(self, name):
        done = subprocess.run([program("collectdctl"), "-s", self.folder / "collectd.sock", "getval", f"receiver/statsd/{name}"],
                              text=True, capture_output=True, check=False)
        return float(done.stdout.split("=")[1]) if done.returncode == 0 else None

    def test_gauges_and_counters(self):
        port = free_port()
        self.start_relay(f'type = "statsd"\naddress = "127.0.0.1:{port}"\nprefix = "b"\nretry = "10ms"\nretry_longest = "100ms"')
        self.write(event(usage=1), EVENT, event(type="denied", errno=24, error="EMFILE"), lost(3))
        self.assertEqual(wait_for("a problem", lambda: self.state().get("problem")), f"127.0.0.1:{port}: Connection refused")
        self.collectd(port)
        self.wait_until_delivered()
        path = "b.web1.nofile.leaky_service"
        self.assertEqual(wait_for("the usage", lambda: self.value(f"gauge-{path}.usage")), 820)
        self.assertEqual(self.value(f"gauge-{path}.limit"), 1024)
        for name, count in ((f"{path}.crossings.up", 2), (f"{path}.denials", 1), ("b.web1.lost", 3)):
            wait_for(name, lambda name=name, count=count: self.value(f"count-{name}") == count)


if __name__ == "__main__":
    main()
