"""The network that the traffic comes from: servers, network devices, services and regions. It has no seed.

`enrichment.d/devices.csv` is this inventory, written by `write_csv`; a test keeps the two equal.
"""

from __future__ import annotations

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path

REGIONS = ("north", "east", "south", "west", "central")
SITES = tuple(f"{region}-{number}" for region in REGIONS for number in (1, 2))
MOUNTS = ("/", "/var")
SERVERS_PER_SERVICE = 6
LINKS_PER_DEVICE = 4


@dataclass(frozen=True, slots=True)
class Service:
    """`share` is its part of the API requests (all add up to 1), `critical` how many of its servers are critical."""

    name: str
    sla_tier: str
    share: float
    critical: int


SERVICES = (
    Service("checkout", "Gold", 0.16, 3),
    Service("payments", "Gold", 0.08, 3),
    Service("billing", "Gold", 0.08, 3),
    Service("messaging", "Silver", 0.08, 2),
    Service("voice", "Gold", 0.08, 3),
    Service("accounts", "Silver", 0.08, 2),
    Service("identity", "Gold", 0.08, 3),
    Service("roaming", "Silver", 0.08, 2),
    Service("catalog", "Bronze", 0.07, 1),
    Service("search", "Bronze", 0.07, 1),
    Service("reports", "Bronze", 0.07, 0),
    Service("provisioning", "Silver", 0.07, 1),
)


@dataclass(frozen=True, slots=True)
class Device:
    """A row of the table `devices`: a server (`device` is its host name) or a network device."""

    device: str
    region: str
    site: str
    role: str
    service: str
    sla_tier: str


def servers() -> tuple[Device, ...]:
    """`billing-1` … `provisioning-6`; the first `critical` of each service are critical, the others standard."""
    return tuple(
        _placed(
            index * SERVERS_PER_SERVICE + number,
            f"{service.name}-{number + 1}",
            "critical" if number < service.critical else "standard",
            service.name,
            service.sla_tier,
        )
        for index, service in enumerate(SERVICES)
        for number in range(SERVERS_PER_SERVICE)
    )


def network_devices() -> tuple[Device, ...]:
    """Core, edge and access devices, `core-01` … `access-30`."""
    counts = {"core": 6, "edge": 24, "access": 30}
    return tuple(
        _placed(number, f"{role}-{number + 1:02}", role, "transport", "Gold" if role == "core" else "Silver")
        for role, count in counts.items()
        for number in range(count)
    )


def devices() -> tuple[Device, ...]:
    return servers() + network_devices()


def links() -> tuple[tuple[str, str], ...]:
    """(device, link) of every link; the name of a link holds its device."""
    return tuple(
        (device.device, f"{device.device}:ge{number}")
        for device in network_devices()
        for number in range(LINKS_PER_DEVICE)
    )


def _placed(number: int, device: str, role: str, service: str, sla_tier: str) -> Device:
    site = SITES[number % len(SITES)]
    return Device(device, site.rsplit("-", 1)[0], site, role, service, sla_tier)


def write_csv(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Device))
        writer.writerows(map(astuple, devices()))
