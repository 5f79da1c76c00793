"""What is in each image of the demo and the tests; data and pure functions, nothing is made here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dev.rootfs import Rootfs

BUSYBOX = "ci-bot/busybox:1"
BASE = "ci-bot/base:1"
GIT = "ci-bot/git:1"
GIT_1000 = "ci-bot/git-1000:1"
GIT_RANDOM = "ci-bot/git-random:1"
NO_SHELL = "ci-bot/noshell:1"
RECORDER = "ci-bot/recorder:1"
ENGINE = "ci-bot/engine:1"
ROOTLESS = "ci-bot/rootless:1"
BUILDKIT = "ci-bot/buildkit:1"
REGISTRY = "ci-bot/registry:1"

Finish = Callable[[Rootfs, Mapping[str, bytes]], None]


@dataclass(frozen=True, slots=True)
class Source:
    """Where files come from: the distribution's packages, or this image, pulled.

    Static programs (`takes`) do the same from either, so the pull comes first: it asks nothing of the machine. A whole
    system is made from packages first, since tests count on what exactly is in it; the pull is for machines without
    apt-get.
    """

    packages: tuple[str, ...]
    image: str
    takes: tuple[str, ...] = ()
    """Only the static programs whose paths end so, handed to `finish`; empty: all files, as they are."""


@dataclass(frozen=True, slots=True)
class Made:
    """An image of one layer: the source's files, and what `finish` adds."""

    source: Source
    finish: Finish
    merged: bool = False
    config: tuple[str, ...] = ('CMD ["/bin/sh"]',)
    capabilities: Mapping[str, int] = field(default_factory=dict)
    """Of programs, instead of their setuid bit."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Another image with a configuration of its own."""

    of: str
    config: tuple[str, ...]


def _busybox(root: Rootfs, taken: Mapping[str, bytes]) -> None:
    root.file("bin/busybox", taken["bin/busybox"], mode=0o755)
    for applet in APPLETS.split():
        root.link(f"bin/{applet}", "busybox")
    root.link("usr/bin/env", "../../bin/busybox")


def _noshell(root: Rootfs, taken: Mapping[str, bytes]) -> None:
    root.file("bin/true", taken["bin/busybox"], mode=0o755)
    for applet in ("echo", "false", "sleep"):
        root.link(f"bin/{applet}", "true")


def _recorder(root: Rootfs, taken: Mapping[str, bytes]) -> None:
    _busybox(root, taken)
    root.folder("workspace", mode=0o1777)
    for command in ("docker", "go"):
        root.file(f"bin/{command}", RECORD.replace("COMMAND", command).encode(), mode=0o755)


def _buildkit(root: Rootfs, taken: Mapping[str, bytes]) -> None:
    _busybox(root, taken)
    root.file("bin/buildkitd", BUILDKITD.encode(), mode=0o755)
    root.file("bin/buildctl", BUILDCTL.encode(), mode=0o755)


def _debian(root: Rootfs, _taken: Mapping[str, bytes]) -> None:
    """What the packages' own scripts would have set up, had they been run."""
    root.link("usr/bin/sh", "dash")
    root.link("usr/bin/awk", "mawk")
    root.link("usr/bin/which", "which.debianutils")


def _engine(root: Rootfs, _taken: Mapping[str, bytes]) -> None:
    _debian(root, _taken)
    root.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    root.file("etc/group", b"root:x:0:\ndocker:x:103:\n")
    root.folder("tmp", mode=0o1777)
    root.file("etc/registry.yml", REGISTRY_CONFIG.encode())
    root.file("usr/local/bin/engine", ENGINE_ENTRY.encode(), mode=0o755)
    root.file("usr/local/bin/rootless", ROOTLESS_ENTRY.encode(), mode=0o755)
    root.file("etc/subuid", SUBORDINATE_IDS)
    root.file("etc/subgid", SUBORDINATE_IDS)
    root.folder("run/user/1000", owner=1000)
    root.folder(ROOTLESS_DATA.strip("/"), owner=1000)
    root.link("usr/bin/wget", "busybox")
    root.link("usr/sbin/iptables", "iptables-nft")
    root.link("usr/sbin/ip6tables", "ip6tables-nft")
    root.folder("workspace", mode=0o1777)


#: What an engine inside a container needs besides the usual, where the machine does not allow `--privileged`.
ENGINE_CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_ADMIN"),
    *(
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_ADMIN",
        "SYS_CHROOT",
    ),
    "SYS_PTRACE",
)

ENGINE_ENTRY = """\
#!/bin/sh
# The engine of one job, on the job's network without TLS: nobody else is there.
for place in /sys/fs/cgroup /sys/fs/cgroup/*/; do
    mount -o remount,rw,bind "$place" 2>/dev/null || :
done
exec dockerd --host unix:///var/run/docker.sock --host tcp://0.0.0.0:2375 --tls=false \\
    --insecure-registry registry:5000
"""

ROOTLESS_ENTRY = """\
#!/bin/sh
# The same by an ordinary user. What it builds has the container's network or none, which needs no device.
export XDG_RUNTIME_DIR=/run/user/1000
exec rootlesskit --net=host --copy-up=/etc --copy-up=/run dockerd \\
    --host unix:///run/user/1000/docker.sock --host tcp://0.0.0.0:2375 --tls=false \\
    --bridge=none --iptables=false --ip6tables=false --insecure-registry registry:5000
"""
ROOTLESS_DATA = "/home/ci/.local/share/docker"
SUBORDINATE_IDS = b"ci:100000:65536\n"
#: Debian's programs want CAP_SYS_ADMIN with their setuid bit, and no more than these without. Those of Alpine, of
#: which the official images are made, do with these either way: https://github.com/shadow-maint/shadow/pull/138
MAPPING_IDS = {"usr/bin/newuidmap": 7, "usr/bin/newgidmap": 6}  # CAP_SETUID, CAP_SETGID

BUILDKITD = """\
#!/bin/sh
# Stands in for the daemon, of which there is no package: tells everybody how it was called.
exec nc -ll -p 1234 -e echo "$*"
"""
BUILDCTL = """\
#!/bin/sh
# Stands in for `buildctl --addr tcp://HOST:PORT debug workers`.
at=${2#tcp://}
exec nc "${at%:*}" "${at#*:}"
"""

REGISTRY_CONFIG = """\
version: 0.1
storage: {filesystem: {rootdirectory: /tmp/registry}}
http: {addr: ":5000"}
"""

APPLETS = """
    [ arch ash awk base64 basename cat chmod chown chroot clear cmp comm cp cut date dd df diff dirname du echo egrep
    env expr factor false fgrep find fold free getopt grep groups gunzip gzip head hexdump hostname id ifconfig install
    ip kill killall less ln ls lsof md5sum mkdir mkfifo mknod mktemp more mount mv nc nice nl nohup nproc nslookup od
    paste ping printenv printf ps pwd readlink realpath renice rev rm rmdir route sed seq setsid sh sha1sum sha256sum
    sha512sum shuf sleep sort split stat strings stty su sync tac tail tar tee test time timeout top touch tr true
    truncate tty umount uname uniq unlink unzip uptime usleep vi wc wget which whoami xargs xxd yes zcat
"""

RECORD = """\
#!/bin/sh
# Writes down how it was called, and does nothing else.
printf '%s\\n' "COMMAND $*" | tee -a /workspace/recorded.txt
"""

STATIC = Source(("busybox-static",), "busybox:musl", takes=("bin/busybox",))
SYSTEM = (
    *(
        "base-files",
        "bash",
        "coreutils",
        "dash",
        "debianutils",
        "diffutils",
        "findutils",
        "grep",
        "gzip",
    ),
    *("hostname", "mawk", "procps", "sed", "tar", "util-linux"),
)

BUILDER = (
    *("busybox-static", "ca-certificates", "containerd", "docker.io", "docker-registry", "iptables"),
    *("mount", "rootlesskit", "runc", "uidmap", "xz-utils"),
    "docker-cli?",  # Debian 13's; before it, and in Ubuntu, the command is in docker.io
)

RECIPES: Mapping[str, Made | Changed] = {
    BUSYBOX: Made(STATIC, _busybox),
    BASE: Made(Source(SYSTEM, "debian:stable-slim"), _debian, merged=True),
    GIT: Made(Source((*SYSTEM, "git"), "alpine/git"), _debian, merged=True),
    GIT_1000: Changed(GIT, ("USER 1000",)),
    GIT_RANDOM: Changed(GIT, ("USER 48213:0",)),
    NO_SHELL: Made(STATIC, _noshell, config=('CMD ["/bin/true"]',)),
    RECORDER: Made(STATIC, _recorder),
    ENGINE: Made(
        Source((*SYSTEM, *BUILDER), "docker:dind"),
        _engine,
        merged=True,
        config=('ENTRYPOINT ["/usr/local/bin/engine"]',),
        capabilities=MAPPING_IDS,
    ),
    ROOTLESS: Changed(
        ENGINE,
        ("USER 1000", f"VOLUME {ROOTLESS_DATA}", 'ENTRYPOINT ["/usr/local/bin/rootless"]'),
    ),
    BUILDKIT: Made(STATIC, _buildkit, config=("USER 1000", 'ENTRYPOINT ["/bin/buildkitd"]')),
    REGISTRY: Changed(ENGINE, ('ENTRYPOINT ["docker-registry", "serve", "/etc/registry.yml"]',)),
}
