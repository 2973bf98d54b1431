#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""opentsdb against VictoriaMetrics' listener for it."""

from relay import EVENT, OutputTest, event, free_port, lost, main, wait_for
from victoria import VictoriaMetrics


class OpenTsdb(OutputTest):
    def test_values(self):
        port = free_port()
        victoria = VictoriaMetrics(self, f"-opentsdbListenAddr=127.0.0.1:{port}")
        self.start_relay(f'type = "opentsdb"\naddress = "127.0.0.1:{port}"')
        self.write(EVENT, lost(3), event(comm="a b=c", unit_name=None, limit=None, usage=2 ** 53))
        self.wait_until_delivered()
        labels, values, times = wait_for("the usage", lambda: victoria.series('{__name__="brink.usage",subject="leaky.service"}'))[0]
        self.assertEqual((values, times), ([820], [1795167000000]))
        self.assertEqual(labels, {"__name__": "brink.usage", "host": "web1", "resource": "nofile", "scope": "process", "subject": "leaky.service"})
        self.assertEqual(victoria.series('{__name__="brink.headroom_ratio"}')[0][1], [1 - 820 / 1024])
        self.assertEqual(victoria.series('{__name__="brink.lost"}')[0][1], [3])
        self.assertEqual(victoria.series('{__name__="brink.usage",subject="a_b_c"}')[0][1], [2 ** 53])

    def test_an_outage(self):
        port = free_port()
        self.start_relay(f'type = "opentsdb"\naddress = "127.0.0.1:{port}"\nretry = "10ms"\nretry_longest = "100ms"')
        self.write(EVENT)
        self.assertEqual(wait_for("a problem", lambda: self.state().get("problem")), f"127.0.0.1:{port}: Connection refused")
        victoria = VictoriaMetrics(self, f"-opentsdbListenAddr=127.0.0.1:{port}")
        wait_for("the usage", lambda: victoria.series('{__name__="brink.usage"}'))


if __name__ == "__main__":
    main()
