"""Clusters that kwok plays: what its programs are told, and the stages it plays by."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.bench.site_ground import family
from tests.lab import kwok
from tests.lab.kwok import KwokCluster
from tests.lab.records import Records


@pytest.fixture
def cluster(tmp_path: Path) -> KwokCluster:
    return KwokCluster(Records(tmp_path), tmp_path / "one", "one", tmp_path, tmp_path)


def test_every_file_that_an_argument_names_is_written(cluster: KwokCluster, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    cluster._write_files()
    programs = {path.name for path in (tmp_path / "one/bin").iterdir()}
    files = [
        Path(word.partition("=")[2])
        for name in programs
        for word in cluster._words(name)
        if word.partition("=")[2].startswith(str(tmp_path)) and "--data-dir" not in word
    ]
    assert len(files) > 8
    assert all(file.is_file() for file in files)


def test_nothing_listens_beyond_the_loopback(cluster: KwokCluster) -> None:
    for name in ("etcd", "kube-apiserver"):
        listening = [
            word
            for word in cluster._words(name)
            if word.startswith(("--listen", "--bind", "--initial-advertise"))
        ]
        assert listening
        assert all(kwok.LOOPBACK in word for word in listening)


def test_a_cluster_has_ports_of_its_own() -> None:
    assert len(set(kwok.free_ports(20))) == 20


def test_the_stages_end_pods_that_are_deleted() -> None:
    stages = list(yaml.safe_load_all(kwok.STAGES.read_text()))
    kinds = {one["metadata"]["name"]: one["spec"]["resourceRef"]["kind"] for one in stages}
    assert kinds == {"node-ready": "Node", "pod-runs": "Pod", "job-ends": "Pod", "pod-goes": "Pod"}
    [gone] = [one["spec"]["next"] for one in stages if one["metadata"]["name"] == "pod-goes"]
    assert gone == {"delete": True}


def test_memory_is_that_of_a_process_and_all_below_it() -> None:
    words = ["sh", "-c", "sleep 60 & echo ready; wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        every = family(process.pid)
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in every]
        subprocess.run(["kill", *map(str, every)], check=True)
    [_, parent_of_the_sleeping] = [int(field.split()[1]) for field in fields]
    assert every[0] == parent_of_the_sleeping == process.pid
