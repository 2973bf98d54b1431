#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kafka against librdkafka's own cluster of brokers (kafka_cluster.cpp)."""

import json
import os
import subprocess

from relay import EVENT, OutputTest, event, main, wait_for


class Kafka(OutputTest):
    def cluster(self):
        self.brokers = self.start(os.environ["KAFKA_CLUSTER"], "brink", stdin=subprocess.PIPE)
        wait_for("the cluster", lambda: self.lines() or self.ended(self.brokers))
        return self.lines()[0].split(",")

    def lines(self):
        return [line for line in self.log("kafka_cluster").splitlines() if line]

    def messages(self):
        return [json.loads(line) for line in self.lines() if line.startswith("{")]

    def order(self, line):
        self.brokers.stdin.write(f"{line}\n".encode())
        self.brokers.stdin.flush()
        wait_for(line, lambda: line in self.lines())

    def deliver_to(self, brokers, more=""):
        self.start_relay(f'type = "kafka"\nbrokers = {json.dumps(brokers)}\ntimeout = "1s"\nretry = "10ms"\nretry_longest = "100ms"\n{more}')

    def test_messages_are_cloud_events(self):
        self.deliver_to(self.cluster())
        self.write(EVENT, event(comm="läky", unit_name=None))
        self.wait_until_delivered()
        wait_for("both", lambda: len(self.messages()) == 2)
        first = next(message for message in self.messages() if message["key"] == "web1/leaky.service")
        self.assertEqual(json.loads(first["value"]), EVENT)
        self.assertEqual(first["headers"], {
            "content-type": "application/json", "ce_id": f"{EVENT['boot_id']}-1", "ce_source": "/brink/web1", "ce_specversion": "1.0",
            "ce_type": "brink.crossing", "ce_time": EVENT["time"], "ce_subject": "leaky.service"})
        self.assertIn("web1/läky", [message["key"] for message in self.messages()])

    def test_a_subject_is_in_order_and_nothing_is_missing_when_brokers_fail(self):
        self.deliver_to(self.cluster())
        self.order("fail 3")
        self.write(*(event(usage=usage) for usage in range(1000)))
        self.wait_until_delivered()
        usages = wait_for("all", lambda: (got := [json.loads(message["value"])["usage"] for message in self.messages()]) and got[-1] == 999 and got)
        self.assertEqual(list(dict.fromkeys(usages)), list(range(1000)))

    def test_an_outage(self):
        brokers = self.cluster()
        self.order("down")
        self.deliver_to(brokers)
        self.write(event(usage=1), event(usage=2))
        self.assertRegex(wait_for("a problem", lambda: self.state().get("problem")), "timed out|no answer")
        self.assertEqual(self.state()["delivered"], 0)
        self.order("up")
        self.wait_until_delivered()
        usages = wait_for("both", lambda: (got := [json.loads(message["value"])["usage"] for message in self.messages()]) and got[-1] == 2 and got)
        self.assertEqual(list(dict.fromkeys(usages)), [1, 2])

    def test_the_end_is_not_held_up_by_brokers_that_do_not_answer(self):
        brokers = self.cluster()
        self.order("down")
        self.deliver_to(brokers, 'start = "beginning"')
        self.write(EVENT)
        self.stop_relay()
        self.deliver_to(brokers)
        self.order("up")
        self.wait_until_delivered()
        wait_for("it", self.messages)

    def test_settings(self):
        self.configure('type = "kafka"\nuser = "me"\nmechanism = "PLAIN"\ntopic = "a b"')
        done = subprocess.run([os.environ["BRINK_RELAY"], "--check", "--config", self.folder / "relay.toml"], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)
        for what in ("brokers: it is missing", "topic: write up to 249", "password_file: a user has a password", "mechanism: PLAIN sends the password"):
            self.assertIn(what, done.stderr + done.stdout)

    def test_test_sink(self):
        self.deliver_to(self.cluster())
        self.write(EVENT)
        self.wait_until_delivered()
        done = subprocess.run([os.environ["BRINK"], "test-sink", "--control", self.control, "it"], text=True, capture_output=True, check=True)
        self.assertIn("1 acknowledged in topic brink", done.stdout)
        wait_for("the test event", lambda: "brink.test" in [message["headers"]["ce_type"] for message in self.messages()])


if __name__ == "__main__":
    main()
