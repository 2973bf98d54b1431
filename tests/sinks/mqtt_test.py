#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""mqtt against a real mosquitto, read by mosquitto_sub: retained state, order, last will, TLS with certificates made here."""

import getpass
import json
import subprocess

from receiver import Mute
from relay import ENVIRONMENT, EVENT, PATIENCE_S, OutputTest, answers, event, free_port, main, program, wait_for


class Mqtt(OutputTest):
    def mosquitto(self, port, more="allow_anonymous true"):
        config = self.file("mosquitto.conf", f"user {getpass.getuser()}\nlistener {port} 127.0.0.1\n{more}\n")
        return self.start_listening(port, program("mosquitto"), "-c", config)

    def relay_to(self, port, more=""):
        self.start_relay(f'type = "mqtt"\naddress = "127.0.0.1:{port}"\nretry = "10ms"\nretry_longest = "100ms"\n{more}')

    def messages(self, port, topic, count, *more):
        """[(retained, topic, payload)], as mosquitto_sub gets them; the first `count`."""
        done = subprocess.run([program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-q", "1", "-C", str(count),
                               "-W", str(PATIENCE_S), "-F", "%r %t %p", *more], text=True, capture_output=True, check=True, env=ENVIRONMENT)
        return [tuple(line.split(" ", 2)) for line in done.stdout.splitlines()]

    def wait_for_presence(self, port, word, prefix="brink"):
        wait_for(word, lambda: self.messages(port, f"{prefix}/+/relay", 1)[0][2] == word)

    def test_state_is_retained(self):
        port = free_port()
        self.mosquitto(port)
        self.relay_to(port)
        self.write(event(seq=1), event(seq=2, usage=900), event(comm="a/b+c#d", unit_name=None, host="läb"))
        self.wait_until_delivered()
        messages = {topic: (retained, json.loads(payload)) for retained, topic, payload in self.messages(port, "brink/+/nofile/#", 2)}
        self.assertEqual(messages["brink/web1/nofile/leaky.service"], ("1", event(seq=2, usage=900)))
        self.assertEqual(messages["brink/läb/nofile/a_b_c_d"][1]["comm"], "a/b+c#d")

    def test_in_order(self):
        port = free_port()
        self.mosquitto(port)
        self.relay_to(port, 'prefix = "fleet/7"\nretain = false')
        self.wait_for_presence(port, "online", "fleet/7")
        # A session that the broker keeps: what comes is queued for the subscriber.
        session = ("-c", "-i", "tester")
        subprocess.run([program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), "-t", "fleet/7/web1/#", "-q", "1", *session, "-E"],
                       check=True, env=ENVIRONMENT)
        self.write(*(event(seq=number) for number in range(1, 301)))
        self.assertEqual(self.wait_until_delivered()["delivered"], 300)
        received = self.messages(port, "fleet/7/web1/#", 300, *session)
        self.assertEqual([json.loads(payload)["seq"] for _, _, payload in received], list(range(1, 301)))

    def test_presence_and_last_will(self):
        port = free_port()
        self.mosquitto(port)
        self.relay_to(port)
        self.wait_for_presence(port, "online")
        self.stop_relay()
        self.wait_for_presence(port, "offline")
        self.relay_to(port)
        self.wait_for_presence(port, "online")
        self.relay.kill()
        self.relay.wait()
        self.wait_for_presence(port, "offline")

    def test_an_outage(self):
        port = free_port()
        self.relay_to(port)
        self.write(event(seq=1))
        self.assertEqual(wait_for("a problem", lambda: self.state().get("problem")), f"127.0.0.1:{port}: Connection refused")
        daemon = self.mosquitto(port)
        self.wait_until_delivered()
        self.stop(daemon)
        wait_for("the port to be closed", lambda: not answers(port))
        self.write(event(seq=2))
        wait_for("a problem", lambda: self.state().get("problem"))
        self.mosquitto(port)
        self.wait_until_delivered()
        self.assertEqual(json.loads(self.messages(port, "brink/web1/nofile/+", 1)[0][2])["seq"], 2)

    def test_presence_comes_back_without_an_event(self):
        port = free_port()
        daemon = self.mosquitto(port)
        self.relay_to(port)
        self.wait_for_presence(port, "online")
        self.stop(daemon)
        wait_for("the port to be closed", lambda: not answers(port))
        self.mosquitto(port)
        self.wait_for_presence(port, "online")

    def test_a_password(self):
        port = free_port()
        users = self.folder / "users"
        subprocess.run([program("mosquitto_passwd"), "-c", "-b", users, "brink", "correct horse"], check=True, capture_output=True)
        self.mosquitto(port, f"allow_anonymous false\npassword_file {users}")
        secret = self.file("secret", "wrong\n")
        self.relay_to(port, f'user = "brink"\npassword_file = "{secret}"')
        self.assertIn("not authorised", self.ask("test it")["answer"])
        self.stop_relay()
        self.file("secret", "correct horse\n")
        self.relay_to(port, f'user = "brink"\npassword_file = "{secret}"')
        host = self.ask("test it")["answer"].split("/")[1]
        self.assertEqual(self.ask("test it"), {"result": "taken", "answer": f"127.0.0.1:{port} has acknowledged it on brink/{host}/test/brink-test"})

    def test_tls(self):
        def openssl(*words):
            subprocess.run([program("openssl"), *words], cwd=self.folder, check=True, capture_output=True)

        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test", "-days", "2")
        openssl("req", "-x509", *key, "-keyout", "other.key", "-out", "other.crt", "-subj", "/CN=other", "-days", "2")
        for name in ("server", "client"):
            openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.crt", "-days", "2",
                    "-copy_extensions", "copy")
        port = free_port()
        self.mosquitto(port, f"allow_anonymous true\ncafile {self.folder}/ca.crt\ncertfile {self.folder}/server.crt\n"
                             f"keyfile {self.folder}/server.key\nrequire_certificate true")
        certificate = f'cert_file = "{self.folder}/client.crt"\nkey_file = "{self.folder}/client.key"'
        self.relay_to(port, f'tls = true\nca_file = "{self.folder}/other.crt"\n{certificate}')
        self.assertEqual(self.ask("test it")["result"], "failed")
        self.stop_relay()
        self.relay_to(port, f'tls = true\nca_file = "{self.folder}/ca.crt"\n{certificate}')
        self.write(EVENT)
        self.wait_until_delivered()
        self.assertEqual(json.loads(self.messages(
            port, "brink/web1/nofile/+", 1, "--cafile", str(self.folder / "ca.crt"), "--cert", str(self.folder / "client.crt"),
            "--key", str(self.folder / "client.key"))[0][2]), EVENT)

    def test_a_broker_that_is_silent_or_talks_nonsense(self):
        for greeting in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            mute = Mute(greeting, reads=True)
            self.addCleanup(mute.close)
            self.relay_to(mute.port, 'timeout = "200ms"')
            self.write(EVENT)
            wait_for("a problem", lambda: self.state().get("problem"))
            self.assertEqual(self.state()["delivered"], 0)
            self.stop_relay()


if __name__ == "__main__":
    main()
