#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""snmp against the real snmptrapd, which knows the names of BRINK-MIB."""

import os
import pathlib
import shutil
import subprocess

from relay import OutputTest, event, free_port, lost, main, program, wait_for

MIBS = pathlib.Path(os.environ["SOURCE"]) / "packaging" / "snmp"
# What BRINK-MIB imports (RFC 2578 to 2580, 2856) is not free for Debian: of its names, what is needed here.
STANDARD = {
    "SNMPv2-SMI": "org OBJECT IDENTIFIER ::= { iso 3 }\ndod OBJECT IDENTIFIER ::= { org 6 }\ninternet OBJECT IDENTIFIER ::= { dod 1 }\n"
                  "private OBJECT IDENTIFIER ::= { internet 4 }\nenterprises OBJECT IDENTIFIER ::= { private 1 }\n",
    "SNMPv2-CONF": "", "SNMPv2-TC": 'DisplayString ::= TEXTUAL-CONVENTION\n DISPLAY-HINT "255a"\n STATUS current\n DESCRIPTION ""\n SYNTAX OCTET STRING\n',
    "HCNUM-TC": 'IMPORTS Counter64 FROM SNMPv2-SMI;\nCounterBasedGauge64 ::= TEXTUAL-CONVENTION\n STATUS current\n DESCRIPTION ""\n SYNTAX Counter64\n',
}


class Snmp(OutputTest):
    def setUp(self):
        super().setUp()
        self.mibs = self.folder / "mibs"
        shutil.copytree(MIBS, self.mibs)
        for name, text in STANDARD.items():
            (self.mibs / f"{name}.txt").write_text(f"{name} DEFINITIONS ::= BEGIN\n{text}END\n")
        self.community = self.file("community", "s3cret\n")

    def receiver(self, port):
        config = self.file("snmptrapd.conf", "authCommunity log s3cret\ndoNotLogTraps no\n")
        process = self.start(program("snmptrapd"), "-f", "-Lo", "-C", "-c", config, "-m", "BRINK-MIB", "-M", self.mibs, "-t",
                             f"udp:127.0.0.1:{port}", env={**os.environ, "SNMP_PERSISTENT_DIR": str(self.folder)})
        wait_for("snmptrapd", lambda: "NET-SNMP version" in self.log("snmptrapd") or self.ended(process))
        return process

    def deliver_to(self, port, more=""):
        self.start_relay(f'type = "snmp"\naddress = "127.0.0.1:{port}"\ncommunity_file = "{self.community}"\ntimeout = "200ms"\n'
                         f'retry = "10ms"\nretry_longest = "100ms"\n{more}')

    def said(self, *parts):
        return wait_for(" ".join(parts), lambda: next((line for line in self.log("snmptrapd").splitlines() if all(part in line for part in parts)), None))

    def test_an_inform_is_acknowledged(self):
        port = free_port()
        self.receiver(port)
        self.deliver_to(port)
        self.write(event(), event(type="denied", errno=24, error="EMFILE", usage=1024, direction=None, level=None, level_as=None),
                   lost(3), event(usage=2**63 + 1, limit=None, comm="läky", unit_name=None))
        self.wait_until_delivered()
        self.assertEqual(self.state()["delivered"], 4)
        line = self.said("BRINK-MIB::brinkCrossing", "brinkUsage.0 = Counter64: 820")
        # sysUpTime.0, which the names here do not reach: hundredths of a second of monotonic_ns.
        self.assertIn("2.1.1.3.0 = Timeticks: (8123) 0:01:21.23", line)
        for part in ("brinkHost.0 = STRING: web1", "brinkTime.0 = STRING: 2026-11-20T09:30:00.123456789Z", "brinkResource.0 = STRING: nofile",
                     "brinkSubject.0 = STRING: leaky.service", "brinkDirection.0 = INTEGER: up(1)", "brinkLevel.0 = STRING: 80%",
                     "brinkLimit.0 = Counter64: 1024", "brinkUnit.0 = STRING: 1", "brinkPid.0 = INTEGER: 1234", "brinkNumber.0 = Counter64: 1",
                     "brinkSentence.0 = STRING: nofile 80% up: leaky.service[1234] at 820 of 1024"):
            self.assertIn(part, line)
        self.said("BRINK-MIB::brinkDenied", "brinkError.0 = STRING: EMFILE")
        self.said("BRINK-MIB::brinkLostEvents", "brinkLost.0 = Counter64: 3")
        self.said(f"brinkUsage.0 = Counter64: {2**63 + 1}", "l\u00e4ky")

    def test_a_receiver_that_comes_later_gets_all_in_order(self):
        port = free_port()
        self.deliver_to(port)
        self.write(*(event(usage=usage) for usage in (700, 701, 702)))
        problem = wait_for("a problem", lambda: self.state().get("problem"))
        self.assertIn(f"127.0.0.1:{port}: ", problem)
        self.receiver(port)
        self.wait_until_delivered()
        self.said("Counter64: 702")
        log = self.log("snmptrapd")
        self.assertLess(log.index("Counter64: 700"), log.index("Counter64: 701"))
        self.assertLess(log.index("Counter64: 701"), log.index("Counter64: 702"))

    def test_a_wrong_community_is_not_taken_for_delivered(self):
        port = free_port()
        self.receiver(port)
        self.community.write_text("wrong\n")
        self.deliver_to(port)
        self.write(event())
        self.assertRegex(wait_for("a problem", lambda: self.state().get("problem")), "no answer to an inform in 400 ms; is the community right")
        self.assertEqual(self.state()["delivered"], 0)

    def test_a_trap_under_a_number_of_ones_own(self):
        port = free_port()
        self.receiver(port)
        self.deliver_to(port, 'notification = "trap"\nbase_oid = "1.3.6.1.4.1.99999.1"')
        self.write(event())
        self.wait_until_delivered()
        self.said("enterprises.99999.1.0.1", "enterprises.99999.1.1.8.0 = Counter64: 820")

    def test_test_sink(self):
        port = free_port()
        self.receiver(port)
        self.deliver_to(port)
        self.write(event())
        self.wait_until_delivered()
        done = subprocess.run([os.environ["BRINK"], "test-sink", "--control", self.control, "it"], text=True, capture_output=True, check=True)
        self.assertIn("has acknowledged", done.stdout)
        self.said("brinkNumber.0 = Counter64: 0")


if __name__ == "__main__":
    main()
