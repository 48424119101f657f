"""The inventory and its copy in the shipped project."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.demo import inventory

REPOSITORY = Path(__file__).resolve().parents[2]


def test_table_on_disk_is_the_inventory_of_the_traffic(tmp_path: Path) -> None:
    """`enrichment.d/devices.csv` is written by `inventory.write_csv`."""
    inventory.write_csv(tmp_path / "devices.csv")
    assert (tmp_path / "devices.csv").read_bytes() == (REPOSITORY / "enrichment.d" / "devices.csv").read_bytes()


def test_names_are_unique_and_shares_whole() -> None:
    """A device has one row, a link one device; the services share all requests."""
    names = [device.device for device in inventory.devices()]
    assert len(names) == len(set(names))
    assert {device for device, _ in inventory.links()} == {device.device for device in inventory.network_devices()}
    assert sum(service.share for service in inventory.SERVICES) == pytest.approx(1)


def test_every_region_and_role_has_devices() -> None:
    """So that rules by region, role or site find something anywhere."""
    devices = inventory.devices()
    assert {device.region for device in devices} == set(inventory.REGIONS)
    assert {device.site for device in devices} == set(inventory.SITES)
    assert {device.role for device in devices} == {"critical", "standard", "core", "edge", "access"}
