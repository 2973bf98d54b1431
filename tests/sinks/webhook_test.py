#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The webhook against an HTTP server: both modes, the signature checked by Python's own HMAC, and receivers that fail."""

import base64
import hashlib
import hmac
import json
import os
import subprocess

from receiver import HttpReceiver, Mute
from relay import EVENT, OutputTest, event, free_port, main, wait_for


class Webhook(OutputTest):
    def receiver(self, answer=None, port=0):
        receiver = HttpReceiver(answer, port)
        self.addCleanup(receiver.close)
        return receiver

    def hook(self, receiver, more=""):
        return self.start_relay(f'type = "webhook"\nurl = "{receiver.url}/hook"\nretry = "10ms"\n{more}')

    def test_binary_mode(self):
        receiver = self.receiver()
        self.hook(receiver)
        self.write(event(comm="läky", unit_name=None))
        self.wait_until_delivered()
        headers, body = receiver.requests[0]
        self.assertEqual(json.loads(body), event(comm="läky", unit_name=None))
        self.assertEqual(headers["content-type"], "application/json")
        attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
        self.assertEqual(attributes, {
            "id": f"{EVENT['boot_id']}-{self.newest()}", "source": "/brink/web1", "specversion": "1.0",
            "type": "brink.crossing", "time": EVENT["time"], "subject": "l%C3%A4ky"})

    def test_only_what_a_rule_asks_for(self):
        receiver = self.receiver()
        self.hook(receiver, "when_asked = true")
        asked = {**event(type="action", direction=None, level=None, level_as=None), "action": "webhook:it", "result": "queued", "cause_seq": 17}
        self.write(EVENT, {**asked, "action": "webhook:another"}, {**asked, "result": "dry_run"}, {**asked, "action": "exec:true"}, asked)
        self.wait_until_delivered()
        self.assertEqual([json.loads(body) for _, body in receiver.requests], [asked])
        self.assertEqual(receiver.requests[0][0]["ce-type"], "brink.action")

    def test_structured_mode(self):
        receiver = self.receiver()
        self.hook(receiver, 'mode = "structured"\nsource = "urn:fleet:7"')
        self.write(EVENT)
        self.wait_until_delivered()
        headers, body = receiver.requests[0]
        self.assertTrue(headers["content-type"].startswith("application/cloudevents+json"))
        cloud_event = json.loads(body)
        self.assertEqual(cloud_event.pop("data"), EVENT)
        self.assertEqual(cloud_event, {
            "id": f"{EVENT['boot_id']}-1", "source": "urn:fleet:7", "specversion": "1.0", "type": "brink.crossing",
            "time": EVENT["time"], "subject": "leaky.service", "datacontenttype": "application/json"})

    def test_signature_token_and_headers(self):
        receiver = self.receiver()
        key = self.file("key", "correct horse\nsecond line\n")
        token = self.file("token", "abc123\n")
        self.hook(receiver, f'secret_file = "{key}"\ntoken_file = "{token}"\nheaders = ["X-Team: night"]')
        self.write(EVENT)
        self.wait_until_delivered()
        headers, body = receiver.requests[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        right = base64.b64encode(hmac.new(b"correct horse", signed, hashlib.sha256).digest()).decode()
        self.assertEqual(headers["webhook-signature"], f"v1,{right}")
        self.assertEqual(headers["webhook-id"], headers["ce-id"])
        self.assertEqual((headers["authorization"], headers["x-team"]), ("Bearer abc123", "night"))

    def test_in_order_and_again_after_failures(self):
        def now_and_then(count, *_):
            return (503, b"not now") if count % 3 else (204, b"")

        receiver = self.receiver(now_and_then)
        self.hook(receiver)
        self.write(*(event(seq=number) for number in range(1, 21)))
        state = self.wait_until_delivered()
        taken = [json.loads(body)["seq"] for count, (_, body) in enumerate(receiver.requests) if count % 3 == 0]
        self.assertEqual(taken, list(range(1, 21)))
        self.assertEqual((state["delivered"], state["behind"], state["refused"]), (20, 0, 0))
        self.assertIn("503: not now", state["last_error"])
        self.assertNotIn("problem", state)

    def test_each_event_once_across_a_restart_of_the_relay(self):
        receiver = self.receiver()
        self.hook(receiver)
        self.write(event(seq=1), event(seq=2))
        self.wait_until_delivered()
        self.stop_relay()
        self.write(event(seq=3))
        self.start_relay()
        self.write(event(seq=4))
        self.wait_until_delivered()
        self.assertEqual([json.loads(body)["seq"] for _, body in receiver.requests], [1, 2, 3, 4])

    def test_a_receiver_that_comes_later(self):
        port = free_port()
        self.start_relay(f'type = "webhook"\nurl = "http://127.0.0.1:{port}"\nretry = "10ms"\nretry_longest = "50ms"')
        self.write(EVENT)
        state = wait_for("a failure", lambda: (state := self.state()).get("problem") and state)
        self.assertIn("Failed to connect", state["problem"])
        self.assertEqual((state["behind"], state["delivered"]), (1, 0))
        receiver = self.receiver(port=port)
        self.wait_until_delivered()
        self.assertEqual(len(receiver.requests), 1)

    def test_what_is_refused_is_left_out_and_said(self):
        receiver = self.receiver(lambda _, __, body: (422, b"no") if json.loads(body).get("seq") == 2 else (200, b""))
        self.hook(receiver)
        self.write(event(seq=1), event(seq=2), event(seq=3), event(seq=4))
        state = self.wait_until_delivered()
        self.assertEqual(state["refused"], 1)
        self.assertIn("entry 2 of the history is refused: HTTP status 422: no", state["last_error"])
        wait_for("the word of what is missing", lambda: len(receiver.requests) == 5)
        bodies = [json.loads(body) for _, body in receiver.requests]
        self.assertEqual([body["type"] for body in bodies], ["crossing"] * 3 + ["lost", "crossing"])
        self.assertEqual(bodies[3]["lost"], 1)

    def test_a_receiver_that_refuses_the_word_of_what_is_missing(self):
        receiver = self.receiver(lambda _, __, body: (422, b"") if json.loads(body)["type"] == "lost" or json.loads(body)["seq"] == 2 else (200, b""))
        self.hook(receiver)
        self.write(*(event(seq=number) for number in range(1, 6)))
        self.wait_until_delivered()
        self.assertEqual([json.loads(body)["type"] for _, body in receiver.requests], ["crossing"] * 3 + ["lost"] + ["crossing"] * 2)

    def test_a_wrong_password_loses_nothing(self):
        receiver = self.receiver(lambda count, *_: (401, b"") if count < 3 else (200, b""))
        self.hook(receiver)
        self.write(EVENT)
        self.assertEqual(self.wait_until_delivered()["refused"], 0)

    def test_what_the_history_has_lost_is_said(self):
        receiver = self.receiver()
        self.hook(receiver, 'types = ["denied"]')
        self.write(event(type="denied", errno=24, error="EMFILE"), EVENT, 5, event(type="denied", errno=24, error="EMFILE"))
        state = self.wait_until_delivered()
        bodies = [json.loads(body) for _, body in receiver.requests]
        self.assertEqual([(body["type"], body.get("lost")) for body in bodies],
                         [("denied", None), ("lost", 5), ("denied", None)])
        self.assertEqual(state["missed"], 5)

    def test_malformed_and_endless_answers(self):
        for greeting in (b"SSH-2.0-OpenSSH_9.2\r\n", b""):
            mute = Mute(greeting, reads=True)
            self.addCleanup(mute.close)
            self.start_relay(f'type = "webhook"\nurl = "http://127.0.0.1:{mute.port}"\ntimeout = "200ms"')
            self.write(EVENT)
            wait_for("a failure", lambda: self.state().get("problem"))
            self.assertEqual(self.state()["delivered"], 0)
            self.stop_relay()

    def test_a_dead_receiver_delays_no_other(self):
        mute, receiver = Mute(), self.receiver()
        self.addCleanup(mute.close)
        path = self.configure(f'type = "webhook"\nurl = "http://127.0.0.1:{mute.port}"\ntimeout = "60s"')
        path.write_text(f'{path.read_text()}\n[output.other]\ntype = "webhook"\nurl = "{receiver.url}"\n')
        self.start_relay()
        wait_for("the other", lambda: self.state("other")["cursor"] == 0)
        self.write(*(event(seq=number) for number in range(1, 101)))
        wait_for("all of it at the other", lambda: len(receiver.requests) == 100)
        self.assertEqual(self.state()["behind"], 100)
        self.stop_relay()  # not after 60 s: blocking ends with the relay

    def test_test_sink(self):
        receiver = self.receiver(lambda *_: (202, b"queued"))
        self.hook(receiver)
        self.assertEqual(self.ask("test it"), {"result": "taken", "answer": "HTTP status 202: queued"})
        headers, body = receiver.requests[0]
        self.assertEqual((headers["ce-type"], json.loads(body)["resource"]), ("brink.test", "test"))
        brink = [os.environ["BRINK"], "test-sink", "--control", self.control]
        for words, status, out, err in ((["it"], 0, "it: taken: HTTP status 202: queued\n", ""),
                                        (["-o", "json", "it"], 0, '{"result":"taken","answer":"HTTP status 202: queued"}\n', ""),
                                        (["us"], 1, "", "brink: there is no output 'us'; there are: it\n")):
            done = subprocess.run(brink + words, text=True, capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (status, out, err))
        self.assertEqual(self.ask("test us"), {"error": "there is no output 'us'; there are: it"})
        self.assertEqual(self.state()["delivered"], 0)


if __name__ == "__main__":
    main()
