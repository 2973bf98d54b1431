#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nagios and nsca against the real nagios4 and nsca: what Nagios says of each service is read out of its status file."""

import getpass
import grp
import os

from nagios_running import NagiosTest
from receiver import Mute
from relay import event, free_port, lost, main, program, wait_for


class Nagios(NagiosTest):
    def relay_to_nagios(self, more=""):
        self.start_relay(f'type = "nagios"\ncommand_file = "{self.folder}/nagios.cmd"\nretry = "10ms"\nretry_longest = "100ms"\n{more}')

    def test_states_follow_the_levels(self):
        self.nagios()
        self.relay_to_nagios()
        low, high = {"level": 512, "level_as": "50%"}, {"level": 973, "level_as": "95%"}
        self.write(event(usage=600, **low))
        status = self.wait_for_state(1)
        self.assertEqual(status["plugin_output"], "nofile 50% up: leaky.service[1234] at 600 of 1024")
        self.assertEqual(status["performance_data"], "'nofile'=600;;922;0;1024")
        self.write(event(usage=980, **high))
        self.wait_for_state(2)
        self.write(event(usage=970, direction="down", **high))
        self.wait_for_state(1)
        self.stop_relay()  # what stood above a level is known again
        self.relay_to_nagios()
        self.write(event(pid=7, usage=990, **high), event(pid=7, usage=980, direction="down", **high))
        wait_for("the other process", lambda: (status := self.status()) and "[7] at 980" in status["plugin_output"])
        self.wait_for_state(1)
        self.write(event(usage=0, direction="down", cause="exit", **low))
        self.wait_for_state(0)
        self.write(event(type="denied", errno=24, error="EMFILE", usage=1024))
        self.assertIn("refused (Too many open files)", self.wait_for_state(2)["plugin_output"])
        self.write(event(type="exit", usage=None, level=None, level_as=None, direction=None, unit=None))
        self.wait_for_state(0)

    def test_nagios_comes_later(self):
        self.relay_to_nagios()
        self.write(event())
        self.assertIn("nagios.cmd: No such file or directory", wait_for("a problem", lambda: self.state().get("problem")))
        self.nagios()
        self.wait_for_state(1)

    def test_a_pipe_that_nobody_reads_and_what_is_no_pipe(self):
        os.mkfifo(self.folder / "nagios.cmd")
        self.relay_to_nagios('timeout = "100ms"')
        answer = self.ask("test it")
        self.assertEqual(answer["result"], "failed")
        self.assertIn("nobody reads it: Nagios does not run", answer["answer"])
        reader = os.open(self.folder / "nagios.cmd", os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.write(*(event(seq=number) for number in range(1, 2001)))
        self.assertIn("is full, and was not read for 100 ms", wait_for("a problem", lambda: self.state().get("problem")))
        self.stop_relay()
        (self.folder / "nagios.cmd").unlink()
        self.file("nagios.cmd", "")
        self.relay_to_nagios()
        self.assertIn("is no pipe, so no command file of Nagios", self.ask("test it")["answer"])

    def test_names_cannot_break_out_of_their_fields(self):
        self.nagios(services=["a_b_c"])
        self.relay_to_nagios('service = "{comm}"')
        self.write(event(comm="a;b\nc"))
        self.wait_for_state(1, "a_b_c")

    def test_keep_alive_and_freshness(self):
        self.nagios(services=["brink", "brink nofile leaky.service"],
                    freshness="check_freshness 1\n  freshness_threshold 4")
        self.relay_to_nagios('host = "web1"\nkeep_alive = "1s"')
        self.assertEqual(self.wait_for_state(0, "brink")["plugin_output"], "brink-relay runs, output it")
        self.write(event())
        first = self.wait_for_state(1)["last_check"]
        wait_for("the state once more", lambda: int(self.status()["last_check"]) > int(first) + 2)
        self.stop_relay()  # now it is silent, and Nagios notices: /bin/false is run
        wait_for("staleness", lambda: self.status("brink")["plugin_output"] != "brink-relay runs, output it")

    def test_lost_events_are_said(self):
        self.nagios(services=["brink"])
        self.relay_to_nagios()
        self.write(lost(3))
        self.assertEqual(self.wait_for_state(1, "brink")["plugin_output"], "3 events are missing")

    # --- nsca

    def nsca(self, method, password=None):
        port = free_port()
        config = self.file("nsca.cfg", f"""
pid_file={self.folder}/nsca.{port}.pid
server_port={port}
server_address=127.0.0.1
nsca_user={getpass.getuser()}
nsca_group={grp.getgrgid(os.getgid()).gr_name}
debug=0
command_file={self.folder}/nagios.cmd
alternate_dump_file={self.folder}/nsca.dump
aggregate_writes=0
append_to_file=0
max_packet_age=30
decryption_method={method}
{f"password={password}" if password else ""}
""")
        self.start_listening(port, program("nsca"), "-f", "-c", config)
        return port

    def relay_to_nsca(self, port, encryption, password=None):
        more = f'password_file = "{self.file("password", password)}"' if password else ""
        self.start_relay(f'type = "nsca"\naddress = "127.0.0.1:{port}"\nencryption = "{encryption}"\ntimeout = "2s"\n'
                         f'retry = "10ms"\nretry_longest = "100ms"\n{more}')

    def test_nsca_with_every_cipher(self):
        self.nagios()
        for count, (method, encryption, password) in enumerate((
                (0, "none", None), (1, "xor", None), (1, "xor", "pass word"), (3, "3des", "correct horse"),
                (14, "aes", "correct horse battery staple, longer than a key"))):
            self.relay_to_nsca(self.nsca(method, password), encryption, password)
            self.write(event(usage=600 + count), event(usage=700 + count))
            wait_for(encryption, lambda count=count: (status := self.status())
                     and status["plugin_output"].endswith(f"at {700 + count} of 1024"))
            self.assertEqual(self.status()["performance_data"], f"'nofile'={700 + count};;922;0;1024")
            self.assertEqual(self.wait_until_delivered()["delivered"], 2)
            self.stop_relay()

    def test_nsca_that_is_silent_or_talks_nonsense(self):
        for greeting in (b"", b"x" * 100):
            mute = Mute(greeting)
            self.addCleanup(mute.close)
            self.start_relay(f'type = "nsca"\naddress = "127.0.0.1:{mute.port}"\ntimeout = "100ms"')
            self.write(event())
            self.assertIn("no progress within 100 ms", wait_for("a problem", lambda: self.state().get("problem")))
            self.stop_relay()


if __name__ == "__main__":
    main()
