# SPDX-License-Identifier: Apache-2.0
"""A real VictoriaMetrics for tests, and what it has of a series."""

import json
import urllib.parse
import urllib.request

from relay import free_port, program


class VictoriaMetrics:
    def __init__(self, test, *options):
        self.port = free_port()
        test.start_listening(self.port, program("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{self.port}",
                             f"-storageDataPath={test.folder}/vm", "-search.latencyOffset=0s", "-retentionPeriod=100y", *options)

    def series(self, match):
        """[(labels, values, times in ms)] of what matches, or []."""
        query = urllib.parse.urlencode({"match[]": match})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{self.port}/api/v1/export?{query}", timeout=20) as answer:
            found = [json.loads(line) for line in answer.read().splitlines()]
        return [(one["metric"], one["values"], one["timestamps"]) for one in found]
