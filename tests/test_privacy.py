"""Secrets, paths and addresses: masked where they are, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import postrun
from postrun.model import Identity
from postrun.privacy import Masker, Privacy, masked_sentence, protected
from tests.curves import decay, make_run

HEX = "0123456789abcdef0123456789abcdef01234567"
COMMIT = HEX[::-1]
#: Put together here, so that no scanner of repositories takes them for real ones.
SECRETS = {
    "W&B key": [
        f"WANDB_API_KEY={HEX}",
        f"wandb login {HEX}",
        f"local-{HEX}",
        "wandb_v1_" + "a1B2" * 10,
    ],
    "Hugging Face token": ["export HF_TOKEN=hf_" + "aB3" * 11],
    "API key": ["sk-" + "a1B2c3" * 8, "sk-proj-" + "a1B2_c3-" * 6],
    "OpenAI key": ["sk-proj-" + "a1B2c3" * 8 + "T3" + "BlbkFJ" + "a1B2c3" * 8],
    "AWS key": ["AKIA" + "ABCD1234EFGH5678"],
    "GitHub token": ["ghp_" + "a1B2" * 9, "github_pat_" + "11ABC_" * 10],
    "private key": [
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA " + "PRIVATE KEY-----"
    ],
    "password": ["https://user:hunter22@host/repo.git"],
}
PLAIN = [
    f"commit {HEX}", f"model@{HEX}", f"snapshots/{HEX}/model.safetensors", "eos_token=<|endoftext|>",
    "max_tokens: 123456789", "the key point is important here", "pad_token: [PAD]", "tokens/s 13,560",
    "conda-token==0.5.0+1.g2209e04", "SecretStorage==3.3.1", "task-specific-head-of-the-model-42",
    "key_value_heads=8", "train/token_accuracy 0.93", "tokenizer: Qwen/Qwen3-0.6B", "passing 12 tests",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, ts in SECRETS.items() for t in ts])
def test_secrets_are_masked(kind: str, text: str) -> None:
    masker = Masker(Privacy(), make_run())
    out = masker.text(f"before {text} after")
    secret = max(text.replace("=", " ").replace("@", " ").replace("/", " ").split(), key=len)
    assert secret not in out and f"[masked: {kind} #" in out
    assert out.startswith("before ") and out.endswith(" after")
    assert masker.found[kind] == 1


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    masker = Masker(Privacy(), make_run())
    assert masker.text(text) == text and not masker.found


def test_names_tell_secrets() -> None:
    masker = Masker(Privacy(), make_run())
    config = {
        "api_key": "abc123xyz", "db": {"password": "hunter22"}, "args": ["--hf-token", "abcdefgh12345678"],
        "secret": None, "private_key_path": "/keys/id", "tokenizer": "gpt2", "key": "layer12",
        "OPENAI_API_KEY": "${OPENAI_API_KEY}",
    }  # fmt: skip
    out = masker.value(config)
    told = [out["api_key"], out["db"]["password"], out["args"][1]]
    assert all(text.startswith("[masked: secret by its name #") for text in told)
    assert len(set(told)) == 3
    for name in ("secret", "private_key_path", "tokenizer", "key", "OPENAI_API_KEY"):
        assert out[name] == config[name]


def secret_run() -> postrun.Run:
    key = SECRETS["private key"][0].replace("\n", "\n" + "QUJD" * 12 + "\n", 1)
    return make_run(
        {"loss": decay(60)},
        console=f"starting\nusing key {HEX}\n{key}\nafterwards",
        config={"wandb_key": HEX, "lr": 0.1},
        environment={"args": ["--api-key", "s3cr3tkeyvalue"], "email": "jane@lab.org",
                     "program": "/home/jane/code/train.py", "git": {"commit": COMMIT}},
        identity=Identity("r1", name=f"run {SECRETS['AWS key'][0]}", notes=SECRETS["API key"][0],
                          host="gpu-box-7", commit=COMMIT),
        requirements=["pkg @ git+https://user:hunter22@host/repo.git"],
    )  # fmt: skip


def test_a_run_is_masked_as_a_whole_and_counted() -> None:
    run = secret_run()
    masked, _, found = protected(run, [], Privacy())
    assert masked.config["lr"] == 0.1 and HEX not in str(masked.config)
    assert masked.environment["git"]["commit"] == COMMIT  # a commit is none
    lines = masked.console["line"].to_list()
    assert lines[1].startswith("using key [masked: W&B key #") and lines[-1] == "afterwards"
    assert not any("MIIEow" in line or "QUJD" in line for line in lines)
    assert len(lines) == run.console.height  # line numbers stay
    assert run.console["line"][1] == f"using key {HEX}"  # the run itself is untouched
    assert "7 values masked" in masked_sentence(found), found


def test_nothing_written_holds_a_secret_unless_asked(tmp_path: Path) -> None:
    source = tmp_path / "r1"
    source.mkdir()
    run = secret_run()
    (source / "r1_config.json").write_text(json.dumps(run.config))
    (source / "r1_console.log").write_text("\n".join(run.console["line"].to_list()))
    run.history.write_csv(source / "r1_history.csv")
    (result,) = postrun.analyze(source, tmp_path / "out", plots=False)
    assert "masked" in result.masked
    for path in result.files:
        data = pl.read_parquet(path).write_csv() if path.suffix == ".parquet" else path.read_text()
        assert HEX not in data and "MIIEow" not in data, path.name
    report = (tmp_path / "out" / "r1" / "report.html").read_text()
    assert "values masked" in report and "--no-mask" in report
    (kept,) = postrun.analyze(source, tmp_path / "kept", plots=False, mask=False)
    assert HEX in (tmp_path / "kept" / "r1" / "report.html").read_text() and not kept.masked


def test_anonymize_masks_paths_addresses_and_names() -> None:
    masked, _, _ = protected(secret_run(), [], Privacy(anonymize=True))
    text = str(masked.environment) + str(masked.identity)
    assert "jane" not in text and "gpu-box-7" not in text
    assert masked.environment["program"] == "…/train.py"
    masker = Masker(Privacy(anonymize=True), make_run())
    for plain in (
        "see https://a.org/b/c/d",
        "loss/train/mean",
        "3/4/5",
        "s3://bucket/a/b",
        "12 it/s",
    ):
        assert masker.text(plain) == plain
    assert masker.text(r"C:\Users\bob\x.txt") == "…/x.txt"
    assert masker.text('File "/usr/lib/python3/x.py", line 3') == 'File "…/x.py", line 3'


def test_findings_that_quote_the_log_are_masked(tmp_path: Path) -> None:
    run = make_run(
        {"loss": decay(60)},
        console=f'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: bad key {HEX}',
        exit_code=1,
        state=postrun.State.FAILED,
    )
    findings = postrun.diagnose(run)
    assert any(HEX in f.message for f in findings)
    _, shown, _ = protected(run, findings, Privacy())
    assert not any(HEX in f.message for f in shown)


def test_a_run_without_secrets_is_the_same_object() -> None:
    run = make_run({"loss": decay(60)}, config={"lr": 0.1})
    assert protected(run, [], Privacy())[0] is run


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["a" * 100_000, "key" * 33_000, "a-" * 50_000, "/a" * 50_000, "eyJ" + "a" * 99_000, "://a:" * 20_000,
     "docker login " * 8_000, "cookie: a=b; " * 8_000, "?token" * 16_000, "key='a," * 14_000,
     "-----BEGIN {}PRIVATE KEY-----".format("") * 3_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_long_lines_cost_no_more_than_their_length(text: str) -> None:
    masker = Masker(Privacy(anonymize=True), make_run())
    out = masker.text(f"{text} password={HEX}")  # a quadratic pattern would take minutes here
    assert HEX not in out
