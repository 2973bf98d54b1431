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
        # Each is waited for: what collectd takes in within one of its intervals may be the first few of these lines.
        for name, value in ((f"gauge-{path}.usage", 820), (f"gauge-{path}.limit", 1024), (f"count-{path}.crossings.up", 2),
                            (f"count-{path}.denials", 1), ("count-b.web1.lost", 3)):
            wait_for(f"{name} at {value}", lambda name=name, value=value: self.value(name) == value)


if __name__ == "__main__":
    main()
