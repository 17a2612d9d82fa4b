"""The shapes of keys and tokens, as their issuers publish them and as secret scanners know them.

Prefixes and lengths are facts; most of them are in gitleaks' rules too. Services whose keys have no shape of
their own (Cohere, Mistral, Comet, Azure OpenAI) are told by the name under which a key stands: see `names`.

A ready-made set fits badly: detect-secrets (1.5.0, of 2024) knows few keys of machine learning and needs an
HTTP client (`benchmarks/secrets` measures it), and gitleaks is a Go program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

#: No letter or digit stands before a token; "%3D" of an encoded URL may.
_EDGE = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-F][0-9A-F]))"
_END = r"(?![A-Za-z0-9])"


@dataclass(frozen=True)
class Shape:
    """One kind of token. A text without any of `marks` holds none; `random` asks that it looks random.

    `after` is what follows a mark in a text worth a closer look, in the syntax of Rust's regular expressions.
    """

    kind: str
    marks: tuple[str, ...]
    text: str
    random: bool = False
    after: str = "[A-Za-z0-9_.-]{10}"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The token; if the pattern has a group "secret", that is the secret part."""
        return re.compile(self.text)


def _token(kind: str, prefix: str, rest: str, *, random: bool = False) -> Shape:
    """Return the shape of a token that begins with a plain prefix."""
    return Shape(kind, (prefix,), f"{_EDGE}{re.escape(prefix)}{rest}", random)


_WORD = "[A-Za-z0-9_-]"
_ALNUM = "[A-Za-z0-9]"
_HEX = "[0-9a-f]"
_BASE64 = "[A-Za-z0-9+/]"

SHAPES: tuple[Shape, ...] = (
    Shape(
        "private key",
        ("PRIVATE KEY",),
        r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[\s\S]{0,20000}?-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|[^-]*)",
        after="",
    ),
    _token("private key", "AGE-SECRET-KEY-1", "[A-Z0-9]{50,}"),
    # Trackers, model hubs and hosts of models.
    Shape("W&B key", ("wandb_v",), rf"{_EDGE}wandb_v\d_{_WORD}{{20,}}"),
    _token("W&B key", "local-", rf"{_HEX}{{40}}{_END}"),
    _token("Hugging Face token", "hf_", rf"{_ALNUM}{{30,}}{_END}"),
    _token("Hugging Face token", "api_org_", rf"{_ALNUM}{{30,}}{_END}"),
    _token("Anthropic key", "sk-ant-", f"{_WORD}{{20,}}"),
    _token("OpenRouter key", "sk-or-v1-", f"{_HEX}{{32,}}"),
    _token("Langfuse key", "sk-lf-", f"{_WORD}{{20,}}"),
    Shape("OpenAI key", ("T3BlbkFJ",), rf"{_EDGE}sk-{_WORD}{{10,}}T3BlbkFJ{_WORD}{{10,}}"),
    _token("API key", "sk-", f"(?:[a-z]{{2,12}}-)?{_WORD}{{20,}}", random=True),
    _token("OpenAI key", "sess-", f"{_ALNUM}{{40}}{_END}"),
    _token("Groq key", "gsk_", f"{_ALNUM}{{40,}}"),
    _token("NVIDIA key", "nvapi-", f"{_WORD}{{40,}}"),
    _token("Replicate token", "r8_", f"{_ALNUM}{{30,}}"),
    _token("RunPod key", "rpa_", "[A-Za-z0-9]{30,}"),
    _token("Lambda key", "secret_", rf"{_WORD}{{20,}}(?:\.{_ALNUM}{{20,}})?", random=True),
    _token("Modal token", "ak-", f"{_ALNUM}{{20,}}", random=True),
    _token("Modal token", "as-", f"{_ALNUM}{{20,}}", random=True),
    _token("Together key", "tgp_v1_", f"{_WORD}{{30,}}"),
    _token("Fireworks key", "fw_", f"{_ALNUM}{{20,}}", random=True),
    _token("Pinecone key", "pcsk_", f"{_WORD}{{40,}}"),
    _token("LangSmith key", "lsv2_", f"(?:pt|sk)_{_HEX}{{32}}_{_HEX}{{10}}"),
    _token("LangSmith key", "ls__", f"{_HEX}{{32}}"),
    _token("Perplexity key", "pplx-", f"{_ALNUM}{{32,}}"),
    _token("xAI key", "xai-", f"{_ALNUM}{{40,}}"),
    _token("Cerebras key", "csk-", f"{_ALNUM}{{32,}}"),
    _token("Jina key", "jina_", f"{_WORD}{{40,}}"),
    _token("Tavily key", "tvly-", f"{_WORD}{{20,}}", random=True),
    _token("LlamaCloud key", "llx-", f"{_ALNUM}{{32,}}"),
    _token("Voyage key", "pa-", f"{_WORD}{{40,}}", random=True),
    _token("E2B key", "e2b_", f"{_HEX}{{32,}}"),
    _token("Kaggle token", "KGAT_", f"{_ALNUM}{{30,}}"),
    _token("Roboflow key", "rf_", f"{_ALNUM}{{20,}}", random=True),
    _token("Prefect key", "pnu_", f"{_ALNUM}{{36}}"),
    _token("Prefect key", "pnb_", f"{_ALNUM}{{36}}"),
    _token("Ultralytics key", "ul_", f"{_HEX}{{40}}"),
    # Neptune's API token is JSON in base64 that names the server first.
    _token("Neptune token", "eyJhcGlfYWRkcmVzcyI6", "[A-Za-z0-9+/_=-]{20,}"),
    # Clouds.
    Shape(
        "AWS key",
        ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"),
        rf"{_EDGE}(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}{_END}",
    ),
    _token("AWS session token", "IQoJb3JpZ2lu", "[A-Za-z0-9+/=%_-]{60,}"),
    _token("AWS session token", "FwoGZXIvYXdz", "[A-Za-z0-9+/=%_-]{60,}"),
    _token("AWS Bedrock key", "ABSK", "[A-Za-z0-9+/]{60,}={0,2}"),
    _token("AWS Bedrock key", "bedrock-api-key-", "[A-Za-z0-9+/]{60,}={0,2}"),
    _token("Google key", "AIza", f"{_WORD}{{35}}"),
    _token("Google token", "ya29.", f"{_WORD}{{20,}}"),
    _token("Google token", "1//0", f"{_WORD}{{40,}}"),
    _token("Google client secret", "GOCSPX-", f"{_WORD}{{20,}}"),
    _token("Google storage key", "GOOG", "[A-Z0-9]{20,60}", random=True),
    Shape(
        "Azure key",
        ("AccountKey=", "SharedAccessKey=", "SharedSecret="),
        r"(?:AccountKey|SharedAccessKey|SharedSecret)=(?P<secret>[A-Za-z0-9+/%]{30,}={0,2})",
        after="",
    ),
    Shape(
        "Azure client secret", ("Q~",), rf"{_EDGE}[A-Za-z0-9_~.]{{3}}\dQ~[A-Za-z0-9_~.-]{{31,34}}"
    ),
    Shape(
        "Azure key",
        ("AzSe", "AzCa", "+AMC", "ACDb", "+ASt", "APIM", "AzFu"),
        rf"{_EDGE}{_BASE64}{{42,76}}(?:AzSe|AzCa|\+AMC|ACDb|\+ASt|APIM|AzFu){_BASE64}{{4,8}}={{0,2}}",
        after="[A-Za-z0-9+/]{4}",
    ),
    _token("Databricks token", "dapi", rf"{_HEX}{{32}}(?:-\d)?"),
    _token("Databricks secret", "dose", rf"{_HEX}{{32}}"),
    _token("DigitalOcean token", "dop_v1_", f"{_HEX}{{64}}"),
    _token("DigitalOcean token", "doo_v1_", f"{_HEX}{{64}}"),
    _token("DigitalOcean token", "dor_v1_", f"{_HEX}{{64}}"),
    _token("Alibaba key", "LTAI", f"{_ALNUM}{{16,24}}{_END}", random=True),
    _token("Tencent key", "AKID", f"{_ALNUM}{{32}}", random=True),
    _token("Yandex key", "AQVN", f"{_WORD}{{35,38}}"),
    _token("Yandex token", "t1.", rf"[A-Z0-9a-z_-]+={{0,2}}\.{_WORD}{{86}}={{0,2}}"),
    _token("Heroku key", "HRKU-", f"{_WORD}{{30,}}"),
    _token("Fly token", "fo1_", f"{_WORD}{{43}}"),
    _token("Fly token", "FlyV1 ", r"[A-Za-z0-9+/_=,-]{60,}"),
    _token("Scaleway key", "SCW", "[A-Z0-9]{17}", random=True),
    # Code, packages, images.
    Shape(
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        rf"{_EDGE}gh[pousr]_{_ALNUM}{{36,}}",
    ),
    _token("GitHub token", "github_pat_", "[A-Za-z0-9_]{40,}"),
    Shape(
        "GitLab token",
        ("glpat-", "gldt-", "glrt-", "glptt-", "glft-", "glsoat-", "glcbt-", "gloas-", "glagent-",
         "glimt-", "glffct-"),
        rf"{_EDGE}gl(?:pat|dt|rt|ptt|ft|soat|cbt|oas|agent|imt|ffct)-[A-Za-z0-9_.-]{{20,}}",
    ),
    _token("GitLab token", "GR1348941", f"{_WORD}{{20,}}"),
    _token("npm token", "npm_", f"{_ALNUM}{{36}}"),
    _token("PyPI token", "pypi-AgE", f"{_WORD}{{30,}}"),
    _token("Docker token", "dckr_pat_", f"{_WORD}{{20,}}"),
    _token("Docker token", "dckr_oat_", f"{_WORD}{{20,}}"),
    Shape(
        "Conda token", ("/t/",), r"://[^/\s]+(?:/[^/\s]+)?/t/(?P<secret>(?:[a-z]{2}-)?[0-9a-f-]{36}|[A-Za-z0-9]{20,})/"
    ),
    _token("RubyGems key", "rubygems_", f"{_HEX}{{48}}"),
    _token("Artifactory key", "AKCp", f"{_ALNUM}{{60,}}"),
    _token("Artifactory token", "cmVmd", f"{_ALNUM}{{59}}"),
    _token("Atlassian token", "ATATT3", "[A-Za-z0-9_=-]{60,}"),
    _token("Atlassian token", "ATCTT3", "[A-Za-z0-9_=-]{60,}"),
    _token("Bitbucket token", "ATBB", f"{_ALNUM}{{24,}}", random=True),
    _token("CircleCI token", "CCIPAT_", f"{_ALNUM}{{10,}}_{_HEX}{{40}}"),
    _token("Pulumi token", "pul-", f"{_HEX}{{40}}"),
    _token("Terraform token", ".atlasv1.", "[A-Za-z0-9_=-]{60,}"),
    _token("Doppler token", "dp.", rf"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]+\.)?{_ALNUM}{{40,}}"),
    Shape("Vault token", ("hvs.", "hvb.", "hvr."), rf"{_EDGE}hv[sbr]\.{_WORD}{{24,}}"),
    _token("1Password token", "ops_eyJ", "[A-Za-z0-9+/_=-]{50,}"),
    # Messages, mail, money, observation.
    Shape(
        "Slack token", ("xox", "xapp-", "xwfp-"),
        rf"{_EDGE}(?:xox[a-z](?:\.xox[a-z])?-|xapp-\d-|xwfp-)[A-Za-z0-9-]{{10,}}",
    ),
    Shape(
        "webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9+/]{20,})",
        after="",
    ),
    Shape(
        "webhook",
        ("/api/webhooks/",),
        r"discord(?:app)?\.com/api/webhooks/\d{5,}/(?P<secret>[A-Za-z0-9_-]{30,})",
    ),
    Shape(
        "webhook",
        (".webhook.office.com/",),
        r"\.webhook\.office\.com/webhookb2/(?P<secret>[A-Za-z0-9@/-]{40,})",
        after="",
    ),
    Shape(
        "webhook",
        ("hook/", "hooks/"),
        r"://[^\s\"']{4,80}/(?:web)?hooks?/(?P<secret>[A-Za-z0-9/_-]{16,})",
        random=True,
        after="",
    ),
    Shape(
        "Discord token",
        ("mfa.", "MT", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT"),
        rf"{_EDGE}(?:mfa\.{_WORD}{{80,}}|[MNO][A-Za-z0-9_-]{{23,27}}\.{_WORD}{{6,7}}\.{_WORD}{{27,45}}){_END}",
        after="[A-Za-z0-9_-]{20}",
    ),
    Shape(
        "Telegram token",
        (":AA",),
        r"(?:(?<![A-Za-z0-9])|(?<=/bot)|(?<=%2Fbot))\d{8,11}:AA[A-Za-z0-9_-]{32,34}",
    ),
    _token("SendGrid key", "SG.", rf"{_WORD}{{16,32}}\.{_WORD}{{30,64}}"),
    _token("Mailgun key", "key-", rf"{_HEX}{{32}}{_END}"),
    Shape("Mailchimp key", ("-us",), rf"{_EDGE}{_HEX}{{32}}-us\d\d?{_END}", after="[0-9]"),
    _token("Twilio key", "SK", rf"{_HEX}{{32}}{_END}"),
    _token("Resend key", "re_", rf"{_ALNUM}{{8}}_{_ALNUM}{{20,}}", random=True),
    Shape(
        "Stripe key",
        ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
        rf"{_EDGE}(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9+/=]{{16,}}",
    ),
    _token("Shopify token", "shpat_", f"{_HEX}{{32}}"),
    _token("Square token", "EAAA", f"{_WORD}{{56,}}", random=True),
    _token("Facebook token", "EAAB", f"{_ALNUM}{{60,}}", random=True),
    Shape("Sentry token", ("sntrys_", "sntryu_"), rf"{_EDGE}sntry[su]_[A-Za-z0-9+/=_-]{{40,}}"),
    Shape("Grafana token", ("glc_", "glsa_"), rf"{_EDGE}(?:glc_[A-Za-z0-9+/=]{{30,}}|glsa_\w{{30,}})"),
    _token("Grafana key", "eyJrIjoi", "[A-Za-z0-9+/_=-]{40,}"),
    Shape("New Relic key", ("NRAK-", "NRJS-"), rf"{_EDGE}NR(?:AK|JS)-[A-Za-z0-9]{{19,}}"),
    Shape("PostHog key", ("phx_",), rf"{_EDGE}phx_{_ALNUM}{{40,}}"),
    # Documents, data, networks.
    _token("Notion token", "ntn_", f"{_ALNUM}{{40,}}"),
    _token("Linear key", "lin_api_", f"{_ALNUM}{{40}}"),
    _token("Figma token", "figd_", f"{_WORD}{{40,}}"),
    _token("Airtable token", "pat", rf"{_ALNUM}{{14}}\.{_HEX}{{64}}"),
    _token("Postman key", "PMAK-", f"{_HEX}{{24}}-{_HEX}{{34}}"),
    _token("PlanetScale token", "pscale_", f"(?:tkn|pw|oauth)_{_WORD}{{32,}}"),
    _token("Supabase key", "sbp_", f"{_HEX}{{40}}"),
    _token("Supabase key", "sb_secret_", f"{_WORD}{{20,}}"),
    _token("Tailscale key", "tskey-", f"{_WORD}{{20,}}"),
    _token("Dropbox token", "sl.", f"{_WORD}{{100,}}"),
    # Without an issuer.
    Shape("JSON web token", ("eyJ",), rf"{_EDGE}eyJ{_WORD}{{10,}}\.eyJ{_WORD}{{10,}}\.[A-Za-z0-9_-]{{5,}}"),
    Shape("JSON web token", ("eyJ",), rf"{_EDGE}eyJ{_WORD}{{10,}}\.{_WORD}*(?:\.{_WORD}{{10,}}){{3}}"),
)  # fmt: skip

#: Marks to their shapes.
BY_MARK: dict[str, tuple[Shape, ...]] = {
    mark: tuple(shape for shape in SHAPES if mark in shape.marks)
    for mark in sorted({mark for shape in SHAPES for mark in shape.marks})
}


def _hint() -> str:
    """Return a pattern of all marks, those with the same letters behind them together: it has fewer states."""
    behind: dict[str, set[str]] = {}
    for shape in SHAPES:
        behind.setdefault(shape.after, set()).update(shape.marks)
    return "|".join(
        f"(?:{'|'.join(re.escape(mark).replace(chr(92) + '-', '-') for mark in sorted(marks))}){after}"
        for after, marks in behind.items()
    )


#: What a text worth a closer look contains, in the syntax of Rust's regular expressions and of Python's.
HINT = _hint()
