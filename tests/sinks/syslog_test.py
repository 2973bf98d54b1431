#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""syslog against a real rsyslogd, which parses the structured data and writes it down as JSON."""

import json
import socket

from receiver import Mute
from relay import EVENT, OutputTest, answers, event, free_port, main, program, wait_for


class Syslog(OutputTest):
    def rsyslogd(self, port):
        config = self.file("rsyslog.conf", f'''
global(workDirectory="{self.folder}" maxMessageSize="64k")
module(load="imtcp") module(load="imudp") module(load="imuxsock" SysSock.Use="off") module(load="mmpstrucdata")
input(type="imtcp" address="127.0.0.1" port="{port}")
input(type="imudp" address="127.0.0.1" port="{port}")
input(type="imuxsock" socket="{self.folder}/log" useSpecialParser="off" parseHostname="on" ignoreTimestamp="off")
action(type="mmpstrucdata")
template(name="all" type="list") {{
    constant(value="{{") property(outname="host" name="hostname" format="jsonf") constant(value=",")
    property(outname="app" name="app-name" format="jsonf") constant(value=",")
    property(outname="id" name="msgid" format="jsonf") constant(value=",")
    property(outname="severity" name="syslogseverity-text" format="jsonf") constant(value=",")
    property(outname="facility" name="syslogfacility-text" format="jsonf") constant(value=",")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf") constant(value=",")
    property(outname="message" name="msg" format="jsonf") constant(value=",\\"data\\":")
    property(name="$!rfc5424-sd") constant(value="}}\\n") }}
action(type="omfile" file="{self.folder}/received" template="all")
''')
        return self.start_listening(port, program("rsyslogd"), "-n", "-f", config, "-i", self.folder / "rsyslog.pid")

    def received(self):
        path = self.folder / "received"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for_lines(self, count):
        return wait_for(f"{count} messages", lambda: len(lines := self.received()) >= count and lines)

    def check(self, line, facility="daemon"):
        self.assertEqual((line["host"], line["app"], line["id"], line["severity"], line["facility"]),
                         ("web1", "brink", "crossing", "warning", facility))
        self.assertEqual(line["time"], "2026-11-20T09:30:00.123456Z")
        self.assertEqual(line["message"].strip(), "nofile 80% up: leaky.service[1234] at 820 of 1024")
        self.assertEqual(line["data"]["brink@32473"], {
            "type": "crossing", "seq": "17", "resource": "nofile", "scope": "process", "direction": "up",
            "level": "820", "level_as": "80%", "usage": "820", "limit": "1024", "unit": "1", "pid": "1234",
            "comm": "leaky", "uid": "1000", "cgroup": EVENT["cgroup"], "unit_name": "leaky.service"})

    def test_every_transport(self):
        port = free_port()
        self.rsyslogd(port)
        for count, (transport, address) in enumerate((("tcp", f"127.0.0.1:{port}"), ("udp", f"127.0.0.1:{port}"),
                                                      ("unix", self.folder / "log")), start=1):
            self.start_relay(f'type = "syslog"\ntransport = "{transport}"\naddress = "{address}"\nfacility = "local3"')
            self.write(EVENT)
            self.wait_until_delivered()
            self.check(self.wait_for_lines(count)[-1], "local3")
            self.stop_relay()

    def test_what_has_to_be_escaped(self):
        port = free_port()
        self.rsyslogd(port)
        self.start_relay(f'type = "syslog"\naddress = "127.0.0.1:{port}"')
        name = 'a"b]c\\d\x1b[31m é'
        self.write(event(comm=name, unit_name=None), event(type="denied", errno=24, error="EMFILE"))
        first, second = self.wait_for_lines(2)
        self.assertEqual(first["data"]["brink@32473"]["comm"], name.replace("\x1b", " "))
        self.assertIn('a"b]c\\\\d\\x1b[31m é[1234] at 820', first["message"])
        self.assertEqual(second["severity"], "err")

    def test_an_outage(self):
        port = free_port()
        daemon = self.rsyslogd(port)
        self.start_relay(f'type = "syslog"\naddress = "127.0.0.1:{port}"\nretry = "10ms"\nretry_longest = "100ms"')
        self.write(event(seq=1))
        self.wait_for_lines(1)
        self.stop(daemon)
        wait_for("the port to be closed", lambda: not answers(port))
        self.write(*(event(seq=number) for number in range(2, 52)))
        wait_for("a problem", lambda: self.state().get("problem"))
        self.rsyslogd(port)
        lines = self.wait_for_lines(51)
        self.assertEqual([int(line["data"]["brink@32473"]["seq"]) for line in lines], list(range(1, 52)))

    def test_a_receiver_that_does_not_read(self):
        mute = Mute()
        self.addCleanup(mute.close)
        self.start_relay(f'type = "syslog"\naddress = "127.0.0.1:{mute.port}"\ntimeout = "300ms"')
        self.write(*(event(exe="/" + "x" * 4000, cgroup="/" + "y" * 4000) for _ in range(2000)))
        problem = wait_for("a problem", lambda: self.state().get("problem"))
        self.assertRegex(problem, "no progress within 300 ms|are not acknowledged within 300 ms")
        self.assertGreater(self.state()["behind"], 0)
        self.stop_relay()

    def test_test_sink(self):
        port = free_port()
        self.rsyslogd(port)
        self.start_relay(f'type = "syslog"\naddress = "127.0.0.1:{port}"')
        self.assertRegex(self.ask("test it")["answer"], rf"127.0.0.1:{port} has acknowledged \d+ bytes")
        line = self.wait_for_lines(1)[0]
        self.assertEqual((line["id"], line["message"].strip()),
                         ("test", "test: test 80% up: brink-test at 80 of 100"))

    def test_unix_socket_that_is_not_there(self):
        self.start_relay('type = "syslog"\ntransport = "unix"\naddress = "/no/such/log"')
        self.assertEqual(self.ask("test it"), {"result": "failed", "answer": "/no/such/log: No such file or directory"})


if __name__ == "__main__":
    main()
