"""Tiny checkpoints, made once, and a machine that reaches nobody."""

from __future__ import annotations

import socket

import pytest

from tests.stats.prediction import tiny_tabicl, tiny_tabpfn


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Checkpoints by name, each made when it is asked for; skips what is not installed."""
    folder = tmp_path_factory.mktemp("checkpoints")
    makers = {
        "tabicl": tiny_tabicl.trained,
        "tabicl-scores": lambda: tiny_tabicl.trained(continuous=True),
        "tabicl-random": lambda: tiny_tabicl.trained(steps=0),
        "tabpfn": lambda: tiny_tabpfn.write(folder / "classes.ckpt"),
        "tabpfn-scores": lambda: tiny_tabpfn.write(folder / "scores.ckpt", continuous=True),
    }

    def get(name: str):
        pytest.importorskip(name.split("-")[0])
        return makers[name]()

    return get


@pytest.fixture
def offline(monkeypatch):
    """Refuse every connection, every name and every download of the hub."""
    import huggingface_hub

    def refuse(*args, **kwargs):
        raise AssertionError("something reached for the network")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("hf_hub_download", "snapshot_download"):
        monkeypatch.setattr(huggingface_hub, name, refuse)
