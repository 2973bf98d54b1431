#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""otlp: requests are decoded by OpenTelemetry's own definitions (proto/README.md): a field that they do not know is an error. Partial
success, as a receiver says it."""

import json
import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from receiver import HttpReceiver
from relay import EVENT, OutputTest, event, lost, main, program


PROTO = pathlib.Path(__file__).parent / "proto"


def request_classes():
    """The classes of both requests, by path."""
    files = [str(path) for path in PROTO.glob("**/*.proto")]
    with tempfile.NamedTemporaryFile() as compiled:
        subprocess.run([program("protoc"), f"-I{PROTO}", f"--descriptor_set_out={compiled.name}", "--include_imports", *files], check=True)
        descriptors = descriptor_pb2.FileDescriptorSet.FromString(compiled.read())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {f"/v1/{kind.lower()}": factory.GetPrototype(pool.FindMessageTypeByName(
        f"opentelemetry.proto.collector.{kind.lower()}.v1.Export{kind}ServiceRequest")) for kind in ("Logs", "Metrics")}


class Otlp(OutputTest):
    def receive(self, answer=None, more=""):
        self.receiver = HttpReceiver(answer)
        self.addCleanup(self.receiver.close)
        self.start_relay(f'type = "otlp"\nurl = "{self.receiver.url}"\n{more}')

    def requests(self, path):
        """All requests to a path, decoded; an unknown field is an error."""
        decode = request_classes()[path]
        return [json_format.Parse(body, decode()) for one, (_, body) in zip(self.receiver.paths, self.receiver.requests) if one == path]

    @staticmethod
    def attributes(owner):
        return {one.key: one.value.string_value for one in owner.attributes}

    def test_logs(self):
        self.receive()
        self.write(EVENT, event(type="denied", errno=24, error="EMFILE", comm="läky\"\\", unit_name=None), lost(3))
        self.wait_until_delivered()
        logs = [log for request in self.requests("/v1/logs") for log in request.resource_logs]
        self.assertEqual(self.attributes(logs[0].resource), {"service.name": "brink", "host.name": "web1"})
        records = [log.scope_logs[0].log_records[0] for log in logs]
        self.assertEqual(records[0].time_unix_nano, 1795167000123456789)
        self.assertEqual(records[0].body.string_value, "nofile 80% up: leaky.service[1234] at 820 of 1024")
        attributes = self.attributes(records[0])
        self.assertEqual({name: attributes[f"brink.{name}"] for name in ("type", "usage", "limit", "level_as", "pid", "unit_name")},
                         {"type": "crossing", "usage": "820", "limit": "1024", "level_as": "80%", "pid": "1234", "unit_name": "leaky.service"})
        self.assertEqual(self.attributes(records[1])["brink.comm"], 'läky"\\')
        self.assertEqual([(record.severity_number, record.severity_text) for record in records], [(13, "crossing"), (17, "denied"), (13, "lost")])

    def test_metrics(self):
        self.receive(more="logs = false")
        self.write(EVENT, lost(3), event(limit=None, resource="cpu", unit="ns", usage=10 ** 18))
        self.wait_until_delivered()
        self.assertEqual(set(self.receiver.paths), {"/v1/metrics"})
        metrics = [metric for request in self.requests("/v1/metrics") for one in request.resource_metrics for metric in one.scope_metrics[0].metrics]
        self.assertEqual([(metric.name, metric.unit, metric.gauge.data_points[0].as_double) for metric in metrics],
                         [("brink.usage", "1", 820), ("brink.limit", "1", 1024), ("brink.headroom_ratio", "1", 1 - 820 / 1024), ("brink.usage", "ns", 1e18)])
        point = metrics[0].gauge.data_points[0]
        self.assertEqual((point.time_unix_nano, self.attributes(point)),
                         (1795167000123456789, {"resource": "nofile", "scope": "process", "subject": "leaky.service"}))

    def test_what_is_rejected_is_left_out(self):
        def partly(_, __, body):
            count = sum("refuse-me" in json.dumps(one) for one in json.loads(body)["resourceLogs"])
            return 200, json.dumps({"partialSuccess": {"rejectedLogRecords": str(count), "errorMessage": "not that" if count else ""}}).encode()

        self.receive(partly, "metrics = false")
        self.write(event(seq=1), event(seq=2, comm="refuse-me"), event(seq=3))
        state = self.wait_until_delivered()
        self.assertEqual((state["refused"], state["last_error"]), (1, "entry 2 of the history is refused: the receiver rejects it: not that"))

    def test_malformed_answers(self):
        for body in (b"", b"{", b"[]", b'{"partialSuccess":7}', b'{"partialSuccess":{"rejectedLogRecords":{}}}'):
            self.receive(lambda *_, body=body: (200, body), "metrics = false")
            self.write(EVENT)
            self.wait_until_delivered()
            self.stop_relay()


if __name__ == "__main__":
    main()
