"""The HTTP API under `BASE`. `app` makes it; clients need its models alone, and import nothing else."""

from typing import Final

BASE: Final = "/api/v1"
