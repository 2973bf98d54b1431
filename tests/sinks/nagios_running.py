# SPDX-License-Identifier: Apache-2.0
"""A real nagios4 for tests: its configuration, and what it says of a service, read out of its status file."""

import getpass
import grp
import os
import re
import stat

from relay import OutputTest, program, wait_for


class NagiosTest(OutputTest):
    """With a Nagios in the folder of the test."""

    def nagios(self, services=("brink nofile leaky.service",), host="web1", freshness="", plugin=None):
        """Starts it; with `plugin` the services are checked by that command."""
        names = "".join(f"""
define service {{
  host_name {host}
  service_description {service}
  check_command {'plugin' if plugin else 'none'}
  active_checks_enabled {1 if plugin else 0}
  passive_checks_enabled 1
  max_check_attempts 1
  check_interval 1
  check_period always
  notifications_enabled 0
  contacts nobody
  {freshness}
}}""" for service in services)
        objects = self.file("objects.cfg", f"""
define command {{
  command_name none
  command_line /bin/false
}}
define contact {{
  contact_name nobody
  host_notification_commands none
  service_notification_commands none
  host_notification_period always
  service_notification_period always
}}
define command {{
  command_name plugin
  command_line {plugin or "/bin/false"}
}}
define timeperiod {{
  timeperiod_name always
  alias always
  sunday 00:00-24:00
  monday 00:00-24:00
  tuesday 00:00-24:00
  wednesday 00:00-24:00
  thursday 00:00-24:00
  friday 00:00-24:00
  saturday 00:00-24:00
}}
define host {{
  host_name {host}
  address 127.0.0.1
  max_check_attempts 1
  notifications_enabled 0
  active_checks_enabled 0
  contacts nobody
}}
{names}
""")
        for name in ("results", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        config = self.file("nagios.cfg", f"""
log_file={self.folder}/nagios.log
cfg_file={objects}
object_cache_file={self.folder}/objects.cache
precached_object_file={self.folder}/objects.precache
state_retention_file={self.folder}/retention.dat
status_file={self.folder}/status.dat
status_update_interval=1
nagios_user={getpass.getuser()}
nagios_group={grp.getgrgid(os.getgid()).gr_name}
check_external_commands=1
command_file={self.folder}/nagios.cmd
query_socket={self.folder}/nagios.qh
lock_file={self.folder}/nagios.lock
temp_file={self.folder}/nagios.tmp
temp_path={self.folder}/tmp
check_result_path={self.folder}/results
check_result_reaper_frequency=1
use_syslog=0
check_for_updates=0
check_workers=1
service_inter_check_delay_method=n
event_broker_options=0
accept_passive_service_checks=1
execute_service_checks=1
check_service_freshness=1
service_freshness_check_interval=1
""")
        process = self.start(program("nagios4"), config)
        wait_for("the command file", lambda: self.is_pipe(self.folder / "nagios.cmd") or self.ended(process))
        return process

    @staticmethod
    def is_pipe(path):
        return path.exists() and stat.S_ISFIFO(path.stat().st_mode)

    def status(self, service="brink nofile leaky.service"):
        """What Nagios says of a service that was checked, as a dictionary."""
        try:
            text = (self.folder / "status.dat").read_text(errors="replace")
        except FileNotFoundError:
            return None
        for block in re.findall(r"servicestatus \{(.*?)\n\t\}", text, re.DOTALL):
            fields = dict(line.strip().split("=", 1) for line in block.splitlines() if "=" in line)
            if fields["service_description"] == service and fields["has_been_checked"] == "1":
                return fields
        return None

    def wait_for_state(self, state, service="brink nofile leaky.service"):
        return wait_for(f"state {state} of {service}",
                        lambda: (status := self.status(service)) and status["current_state"] == str(state) and status)
