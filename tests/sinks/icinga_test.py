#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""icinga against a real icinga2 with a CA of its own; what it says of a service is read back through its API."""

import base64
import getpass
import grp
import json
import os
import ssl
import subprocess
import urllib.parse
import urllib.request

from relay import ENVIRONMENT, OutputTest, answers, event, free_port, lost, main, program, wait_for

SERVICES = ("brink", "brink nofile leaky.service")


class Icinga(OutputTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.ca = self.folder / "data" / "certs" / "ca.crt"
        self.password = self.file("password", "correct horse\n")

    def icinga(self, services=SERVICES):
        """Starts it with a host web1 and these services."""
        group = grp.getgrgid(os.getgid()).gr_name
        defines = [f"-D{name}={value}" for name, value in (
            ("RunAsUser", getpass.getuser()), ("RunAsGroup", group), ("DataDir", self.folder / "data"), ("LogDir", self.folder / "log"),
            ("CacheDir", self.folder / "cache"), ("SpoolDir", self.folder / "spool"), ("InitRunDir", self.folder / "run"))]
        for name in ("data/certs", "log", "cache", "spool", "run"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        binary = program("icinga2")
        certs = self.folder / "data" / "certs"
        if not self.ca.exists():
            for words in (["new-ca"], ["new-cert", "--cn", "localhost", "--key", certs / "localhost.key", "--csr", certs / "localhost.csr"],
                          ["sign-csr", "--csr", certs / "localhost.csr", "--cert", certs / "localhost.crt"]):
                subprocess.run([binary, "pki", *map(str, words), *defines], check=True, capture_output=True, env=ENVIRONMENT)
            self.ca.write_bytes((self.folder / "data" / "ca" / "ca.crt").read_bytes())
        objects = "".join(f'object Service "{name}" {{\n  host_name = "web1"\n  check_command = "passive"\n  max_check_attempts = 1\n'
                          f'  enable_active_checks = false\n}}\n' for name in services)
        config = self.file("icinga2.conf", f"""
const NodeName = "localhost"
const ZoneName = "localhost"
include <itl>
object Endpoint NodeName {{}}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {self.port} }}
object ApiUser "brink" {{ password = "correct horse"; permissions = [ "actions/process-check-result" ] }}
object ApiUser "reader" {{ password = "reader"; permissions = [ "objects/query/*" ] }}
object Host "web1" {{ check_command = "passive"; enable_active_checks = false }}
{objects}
""")
        return self.start_listening(self.port, binary, "daemon", "-c", config, *defines)

    def relay_to_it(self, more=""):
        self.start_relay(f'type = "icinga"\nurl = "{self.url}"\nca_file = "{self.ca}"\nuser = "brink"\npassword_file = "{self.password}"\n'
                         f'host = "web1"\nretry = "10ms"\nretry_longest = "100ms"\n{more}')

    def state_of(self, service):
        """(state, output, performance data) that Icinga has of a service."""
        request = urllib.request.Request(f"{self.url}/v1/objects/services/{urllib.parse.quote(f'web1!{service}')}",
                                         headers={"Authorization": "Basic " + base64.b64encode(b"reader:reader").decode()})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca)))
        with opener.open(request, timeout=20) as answer:
            attributes = json.load(answer)["results"][0]["attrs"]
        result = attributes["last_check_result"]
        return result and (attributes["state"], result["output"], result["performance_data"])

    def test_states(self):
        self.icinga()
        self.relay_to_it()
        service = SERVICES[1]
        self.write(event())
        self.wait_until_delivered()
        self.assertEqual(self.state_of(service), (1, "nofile 80% up: leaky.service[1234] at 820 of 1024", ["'nofile'=820;;922;0;1024"]))
        self.write(event(type="denied", errno=24, error="EMFILE", usage=1024))
        self.wait_until_delivered()
        self.assertEqual(self.state_of(service)[0], 2)
        self.write(event(direction="down", usage=819), lost(3))
        self.wait_until_delivered()
        self.assertEqual(self.state_of(service)[0], 0)
        self.assertEqual(self.state_of("brink")[:2], (1, "3 events are missing"))

    def test_a_service_that_it_does_not_know_holds_nothing_up(self):
        self.icinga()
        self.relay_to_it()
        self.write(event(comm='"; true', unit_name=None), event())
        state = self.wait_until_delivered()
        wait_for("the other", lambda: self.state_of(SERVICES[1]))
        self.assertIn("Icinga knows no service 'brink nofile _", self.state()["last_error"])
        self.assertEqual(state["refused"], 1)

    def test_a_wrong_password_and_a_wrong_ca(self):
        self.icinga()
        self.file("password", "wrong\n")
        self.relay_to_it()
        self.assertIn("401", self.ask("test it")["answer"])
        self.stop_relay()
        self.file("password", "correct horse\n")
        right, self.ca = self.ca, "/etc/ssl/certs/ca-certificates.crt"
        self.relay_to_it()
        self.assertIn("SSL certificate problem", self.ask("test it")["answer"])
        self.ca = right

    def test_an_outage(self):
        daemon = self.icinga()
        self.relay_to_it()
        self.stop(daemon)
        wait_for("the port to be closed", lambda: not answers(self.port))
        self.write(event())
        self.assertIn("Failed to connect", wait_for("a problem", lambda: self.state().get("problem")))
        self.icinga()
        self.wait_until_delivered()
        self.assertEqual(self.state_of(SERVICES[1])[0], 1)


if __name__ == "__main__":
    main()
