"""Where things are in a container and who runs there: the same for every image and every phase."""

WORKDIR = "/repo"
"""The work tree."""
TRUSTED = "/opt/trial"
"""Root's folder in every sandbox, for files that are put there and reports read back."""
LAYER = "/opt/agent"
"""Where an external agent's programs are seen, read-only."""
LAYER_PYTHON = f"{LAYER}/python/bin/python3"
HOME = "/home/agent"
"""Of an external agent; a volume."""

AGENT_UID = 10001
AGENT_USER = f"{AGENT_UID}:{AGENT_UID}"
"""Owns the work tree: the agent runs as it, patches are applied and code is compiled as it."""
TESTER_UID = 10002
TESTER_USER = f"{TESTER_UID}:{TESTER_UID}"
"""Runs the hidden tests; may write nowhere but in `/tmp` and in its report."""
IDLE_USER = "65534:65534"
"""The idle main process and the gateway's forwarder: no command of agent or tests can end them."""
