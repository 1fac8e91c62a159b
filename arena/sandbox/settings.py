"""What a container may do: the engine's settings, the same for agents and hidden tests."""

from arena.records import SandboxLimits

Settings = dict[str, object]
"""A part of the engine's own JSON."""

MAIN_USER = "65534:65534"
"""Who the idle main process runs as: nobody that a command runs as, so no command can end it."""
_TMP_INODES = 100_000
_SHM_MB = 64


def host_config(limits: SandboxLimits, layer: str | None = None) -> Settings:
    """The `HostConfig` of a sandbox: nothing of the host, no capability, everything limited.

    `layer` is the container whose volume, an agent's programs, is seen read-only.
    """
    memory = limits.memory_mb << 20
    return {
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        # What may be written are volumes and /tmp; the engine copies files into volumes alone.
        "ReadonlyRootfs": True,
        "Init": True,
        "IpcMode": "private",
        "ShmSize": _SHM_MB << 20,
        "Memory": memory,
        "MemorySwap": memory,  # memory and swap together: no swap
        "NanoCpus": int(limits.cpus * 1e9),
        "PidsLimit": limits.pids,
        "Ulimits": [
            _limit("nofile", limits.open_files),
            _limit("fsize", limits.file_mb << 20),
            _limit("core", 0),
        ],
        # exec is needed: compilers run what they build there
        "Tmpfs": {
            "/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={limits.tmp_mb}m,nr_inodes={_TMP_INODES}"  # noqa: S108
        },
        "LogConfig": {"Type": "none", "Config": {}},
        "RestartPolicy": {"Name": "no"},
        "VolumesFrom": [f"{layer}:ro"] if layer else [],
    }


def _limit(name: str, value: int) -> Settings:
    return {"Name": name, "Soft": value, "Hard": value}
