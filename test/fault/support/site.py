"""Configurations that several scenarios start from."""

SITE = """
[server web]
listen = 127.0.0.1:@http@
return = 200 "ok"
"""

ORIGIN_SITE = """
[upstream origin]
server = {origin}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
"""


def main_with(config, lines):
    """The configuration with a [main] of its own that has these lines."""
    return f"[main]\ndaemon = off\npid = run/weir.pid\nstate_path = run\nerror_log = stderr info\n{lines}\n{config}"
