"""The API key goes to the servers that the user named, and to nobody else."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from postrun.sources.wandb_api.trust import Server, UntrustedServerError, trusted_server
from tests.conftest import own_environment
from tests.standin import Fault, ServerRun, StandIn
from tests.standin.server import KEY

OTHER_KEY = "fedcba9876543210fedcba9876543210fedcba98"
CLOUD = "https://api.wandb.ai"


@dataclass
class Setting:
    """What the user has set: environment variables, netrc entries, and two settings files."""

    environment: dict[str, str] = field(default_factory=dict)
    netrc: str = ""
    own_file: str = ""
    folder_file: str = ""


def of_base(url: str) -> Setting:
    return Setting({"WANDB_BASE_URL": url})


LAB = of_base("https://w.lab.org")
NETRC = Setting(netrc=f"machine w.lab.org login user password {OTHER_KEY}")
PORT = Setting(netrc=f"machine w.lab.org:8080 login user password {OTHER_KEY}")
DEFAULT = Setting(netrc=f"default login user password {OTHER_KEY}")

#: A target's server ("" for the user's own), what is set, and who gets which key; None: nobody any.
TABLE = [
    ("", Setting(), Server(CLOUD)),
    (CLOUD, Setting(), Server(CLOUD)),
    (CLOUD, LAB, Server(CLOUD)),
    ("https://api.forge.coreweave.com", Setting(), Server("https://api.forge.coreweave.com")),
    ("", LAB, Server("https://w.lab.org")),
    ("https://w.lab.org", LAB, Server("https://w.lab.org")),
    ("https://W.LAB.org:443/", LAB, Server("https://w.lab.org")),
    ("https://w.lab.org", of_base("https://w.lab.org/wandb"), Server("https://w.lab.org/wandb")),
    ("https://w.lab.org", NETRC, Server("https://w.lab.org", OTHER_KEY)),
    ("https://w.lab.org:8080", PORT, Server("https://w.lab.org:8080", OTHER_KEY)),
    ("", Setting(own_file="https://w.lab.org"), Server("https://w.lab.org")),
    ("http://127.0.0.1:8080", of_base("http://127.0.0.1:8080"), Server("http://127.0.0.1:8080")),
    ("http://localhost:8080", of_base("http://localhost:8080"), Server("http://localhost:8080")),
    ("", Setting({"WANDB_BASE_URL": "http://w.lab.org", "POSTRUN_ALLOW_HTTP": "a, w.lab.org"}),
     Server("http://w.lab.org")),
    ("https://evil.org", Setting(), None),
    ("https://evil.org", LAB, None),
    ("https://evil.org", DEFAULT, None),
    ("https://w.lab.org:8443", LAB, None),
    ("https://w.lab.org:8443", NETRC, None),
    ("http://w.lab.org", LAB, None),
    ("http://w.lab.org:443", LAB, None),
    ("http://api.wandb.ai", Setting(), None),
    ("https://api.wandb.ai.evil.org", Setting(), None),
    ("https://api.wandb.ai@evil.org", Setting(), None),
    ("https://evil.org\\@api.wandb.ai", Setting(), None),
    ("https://evil.org#@api.wandb.ai", Setting(), None),
    ("https://api.wandb.ai:99999", Setting(), None),
    ("https://\uff41pi.wandb.ai", Setting(), None),
    ("http://127.0.0.1:9999", of_base("http://127.0.0.1:8080"), None),
    ("http://127.0.0.2:8080", of_base("http://127.0.0.1:8080"), None),
    ("http://w.lab.org", Setting(netrc=NETRC.netrc), None),
    ("", of_base("http://w.lab.org"), None),
    ("", of_base("https://user:secret@w.lab.org"), None),
    ("", Setting(folder_file="https://evil.org"), None),
    ("", Setting(own_file="https://w.lab.org", folder_file="https://evil.org"), None),
]  # fmt: skip


def prepare(setting: Setting, folder: Path) -> dict[str, str]:
    """Write the files of a setting; the environment that leads to them."""
    (folder / "netrc").write_text(setting.netrc)
    for path, url in (("config", setting.own_file), ("wandb", setting.folder_file)):
        (folder / path).mkdir()
        if url:
            (folder / path / "settings").write_text(f"[default]\nbase_url = {url}\n")
    home = {"HOME": str(folder), "NETRC": str(folder / "netrc")}
    return home | {"WANDB_CONFIG_DIR": str(folder / "config")} | setting.environment


@pytest.mark.parametrize(("url", "setting", "expected"), TABLE)
def test_who_gets_the_key(
    url: str,
    setting: Setting,
    expected: Server | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    for name, value in prepare(setting, tmp_path).items():
        monkeypatch.setenv(name, value)
    settings = SimpleNamespace(  # what the SDK makes of these files
        base_url=setting.folder_file or setting.own_file or CLOUD,
        settings_system=str(tmp_path / "config" / "settings"),
        settings_workspace=str(tmp_path / "wandb" / "settings"),
    )
    if expected is not None:
        assert trusted_server(url, settings) == expected
        return
    with pytest.raises(UntrustedServerError) as caught:
        trusted_server(url, settings)
    assert any(
        word in str(caught.value) for word in ("wandb login --host", "POSTRUN_ALLOW_HTTP", "Write")
    )


def ask(target: str, setting: Setting, folder: Path) -> subprocess.CompletedProcess[str]:
    """`postrun list` in a process of its own, with nothing of this machine's settings."""
    kept = {k: v for k, v in own_environment().items() if not k.startswith("WANDB_")}
    environment = kept | {"WANDB_API_KEY": KEY} | prepare(setting, folder)
    return subprocess.run(
        [sys.executable, "-m", "postrun", "list", target],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def server_with_a_run(server: StandIn) -> StandIn:
    run = server.add(ServerRun("ent", "p", "r1"))
    for i in range(20):
        run.log({"_step": i, "_runtime": i, "_timestamp": 1.7e9 + i, "loss": 1 / (i + 1)})
    run.exported = 10
    run.files["output.log"] = b"hello"
    return server


@pytest.mark.slow
def test_a_server_that_nobody_named_is_never_asked(tmp_path: Path) -> None:
    with StandIn() as server, StandIn() as named:
        done = ask(f"{server.url}/ent/p/runs/r1", of_base(named.url), tmp_path)
        assert done.returncode == 3 and "Traceback" not in done.stderr
        assert f"WANDB_BASE_URL={server.url}" in done.stderr
        assert not server.requests and not server.keys and not named.requests


@pytest.mark.slow
def test_settings_of_a_folder_that_was_downloaded_do_not_choose_the_server(tmp_path: Path) -> None:
    with StandIn() as server:
        done = ask("ent/p/r1", Setting(folder_file=server.url), tmp_path)
        assert done.returncode == 3 and str(tmp_path / "wandb" / "settings") in done.stderr
        assert not server.requests and not server.keys


@pytest.mark.slow
def test_a_server_with_a_netrc_entry_gets_its_own_key_alone(tmp_path: Path) -> None:
    with StandIn() as server:
        server.key = OTHER_KEY
        server_with_a_run(server)
        machine = server.url.removeprefix("http://")
        entry = Setting(netrc=f"machine {machine} login user password {OTHER_KEY}")
        done = ask(f"{server.url}/ent/p/runs/r1", entry, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "r1" in done.stdout and server.keys == {OTHER_KEY}


@pytest.mark.slow
def test_redirects_and_files_elsewhere_get_no_key(tmp_path: Path) -> None:
    with StandIn() as server, StandIn() as other:
        server_with_a_run(server)
        server_with_a_run(other)
        server.elsewhere = other.url  # as the cloud's files and exports lie with a storage provider
        kept = {k: v for k, v in own_environment().items() if not k.startswith("WANDB_")}
        environment = kept | {"WANDB_API_KEY": KEY} | prepare(of_base(server.url), tmp_path)
        arguments = ["analyze", "ent/p/r1", "--no-plots", "--no-report", "--out", "o"]
        done = subprocess.run(
            [sys.executable, "-m", "postrun", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert server.keys == {KEY}
        assert other.count("/exports/") and other.count("/storage/") and not other.keys
        server.faults = [Fault("", "redirect", to=other.url)]
        (tmp_path / "second").mkdir()
        done = ask("ent/p/r1", of_base(server.url), tmp_path / "second")
        assert done.returncode == 3 and "Traceback" not in done.stderr
        assert other.count("Viewer") and not other.keys


@pytest.mark.slow
def test_an_answer_that_unpacks_without_end_costs_itself(tmp_path: Path) -> None:
    with StandIn() as server:
        server_with_a_run(server).faults = [Fault("Run", "bomb")]
        done = ask("ent/p/r1", of_base(server.url), tmp_path)
        assert done.returncode == 3 and "Traceback" not in done.stderr
        assert "the server's answer has 153 MB, and postrun takes 100 MB at most" in done.stderr
        assert server.count("Run") == 1, "it was asked for again"
