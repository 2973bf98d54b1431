#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""brink-relay --check: what is wrong is said with its place; secrets that others can read are refused."""

import os
import subprocess

from relay import OutputTest, main


class Configuration(OutputTest):
    def check(self, *words):
        done = subprocess.run([os.environ["BRINK_RELAY"], *words], cwd=self.folder, text=True, capture_output=True,
                              check=False)
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr

    def complaints(self, text):
        """What is said about `text`, without "brink-relay: relay.toml:"."""
        self.file("relay.toml", text)
        status, said = self.check("--check", "-c", "relay.toml")
        self.assertEqual(status, 2 if said else 0)
        return [line.removeprefix("brink-relay: relay.toml:") for line in said.splitlines()]

    def test_right(self):
        self.assertEqual(self.complaints('[output.a]\ntype = "webhook"\nurl = "http://[::1]:80/x"\ntimeout = "500ms"\n'), [])

    def test_wrong(self):
        cases = {
            'history = 5\n[output.a]\ntype = "prometheus"\n': ["1:11: relay: history: it has to be text, in quotes"],
            '[output.a]\ntype = "prometeus"\n':
                ["2:8: output.a: type: there is no output 'prometeus'; did you mean prometheus? there are: "],
            '[output.a]\nurl = "x"\n': ['1:1: output.a: type: it has to be there; write, for example, type = "'],
            '[output.a]\ntype = "webhook"\n':
                ['1:1: output.a: url: it has to be there; write, for example, url = "https://example.com/hook"'],
            '[output.a]\ntype = "webhook"\nurl = "ftp://x"\n':
                ["3:7: output.a: url: 'ftp://x' is no address; write, for example, https://example.com/hook"],
            '[output.a]\ntype = "prometheus"\nlisten = "127.0.0.1:99999"\n':
                ["3:10: output.a: listen: '127.0.0.1:99999' is no address; write HOST:PORT, as in 127.0.0.1:9774"],
            '[output.a]\ntype = "prometheus"\nmax_subject = 3\n':
                ["3:15: output.a: max_subject: there is no such setting; did you mean max_subjects? there are: "],
            '[output.a]\ntype = "prometheus"\nmax_subjects = 0\n':
                ["3:16: output.a: max_subjects: 0 is out of range; write 1 to 100000"],
            '[output.a]\ntype = "prometheus"\ntypes = ["crosing"]\nresources = ["nofil"]\nstart = "now"\n':
                ["3:9: output.a: types: there is no type 'crosing'; did you mean crossing? there are: crossing, ",
                 "4:13: output.a: resources: there is no resource 'nofil'; did you mean nofile? brink limits lists them",
                 "5:9: output.a: start: there is no 'now'; there are: end, beginning"],
            '[output.a]\ntype = "prometheus"\nretry = "1m"\nretry_longest = "10"\n':
                ["4:17: output.a: retry_longest: "],
            '[output.a]\ntype = "prometheus"\nretry = "10m"\n':
                ["1:1: output.a: retry_longest: it is shorter than retry; write a longer time"],
            '[output."a/b"]\ntype = "prometheus"\n': ["1:1: output.'a/b': a name has up to 64 letters, digits, '-' and '_'"],
            '[outputs.a]\ntype = "prometheus"\n': ["1:1: there is no 'outputs'; write [output.NAME]"],
            '[output.a\n': ["1:1: "],
            '': [" there is no output; write a table [output.NAME]"],
        }
        for text, expected in cases.items():
            said = self.complaints(text)
            self.assertEqual(len(said), len(expected), said)
            for line, beginning in zip(said, expected):
                self.assertTrue(line.startswith(beginning), f"{line}\nshould begin\n{beginning}")

    def test_secrets(self):
        text = f'[output.a]\ntype = "webhook"\nurl = "http://x"\nsecret_file = "{self.folder}/key"\n'
        place = "4:15: output.a: secret_file: "
        self.assertEqual(self.complaints(text),
                         [f"{place}the secret in '{self.folder}/key' cannot be read: No such file or directory"])
        self.file("key", "secret\n", 0o640)
        self.assertEqual(self.complaints(text),
                         [f"{place}'{self.folder}/key' has mode 0640: others could read the secret; chmod 600"])
        self.file("key", "\n", 0o600)
        self.assertEqual(self.complaints(text), [f"{place}the first line of '{self.folder}/key' is empty"])
        self.file("key", "secret", 0o400)
        self.assertEqual(self.complaints(text), [])

    def test_command_line(self):
        self.assertEqual(self.check("--check", "-c", "no.toml"),
                         (2, "brink-relay: configuration 'no.toml': No such file or directory\n"))
        self.assertEqual(self.check("--chek")[0], 2)

    def test_one_relay_for_one_state(self):
        self.start_relay('type = "webhook"\nurl = "http://127.0.0.1:1"')
        status, said = self.check("-c", "relay.toml")
        self.assertEqual((status, said), (1, f"brink-relay: state '{self.folder}/state': another brink-relay uses it; "
                                             "write a folder of its own\n"))


if __name__ == "__main__":
    main()
