"""What must not leave the machine: secrets in configs, environments and logs; paths and addresses.

Secrets are masked in everything that postrun writes, unless `--no-mask`; paths, e-mail addresses,
host and user names with `--anonymize`. Runs are masked as a whole, before any report sees them, so
that a new report cannot forget it. Rules have read the run as it is by then.

Scanners of source trees (detect-secrets, for one) know neither W&B's nor Hugging Face's keys and work
on files; what is here are the published shapes of the keys that training code holds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import polars as pl

from postrun.model import Damage, Evidence, Finding, Run

T = TypeVar("T")

#: Kind of secret, and its shape, as their issuers publish them. Surest first.
_SHAPES = (
    ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|"
     r"[^-]*)"),
    ("W&B key", r"\bwandb_v\d_[A-Za-z0-9_-]{20,}"),
    ("W&B key", r"\blocal-[0-9a-f]{40}\b"),
    ("Hugging Face token", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}\b"),
    ("Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("OpenAI key", r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,}"),
    ("AWS key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    ("GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"
     r"|https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
    ("Google key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("Azure key", r"\bAccountKey=[A-Za-z0-9+/=]{40,}"),
    ("JSON web token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}"),
    ("bearer token", r"(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{16,}"),
    ("password", r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),
)  # fmt: skip
_SECRET = re.compile("|".join(f"(?P<s{i}>{shape})" for i, (_, shape) in enumerate(_SHAPES)))
#: W&B's older keys are 40 hexadecimal digits, as commits are: those are told by what stands before.
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{40}(?![0-9A-Za-z])")
_COMMIT = re.compile(
    r"(?i)commit|sha|\brev|git|hash|checkout|snapshot|blob|digest|tree|head|diff|@"
)
#: `NAME = value` where the name says that the value is a secret.
_NAMED = re.compile(
    r"""(?ix) (?<![\w.-]) (?P<name> [\w.-]{0,80}?
    (?: key | token | secret | passw(?:or)?d | passphrase | credentials? ) [\w-]{0,80} )
    (?P<gap> ["']? \s* (?: [:=] (?!=) | \s ) \s* ["']? ) (?P<value> [^\s"',;{}()\[\]]{6,} )"""
)
_SURE_NAME = re.compile(
    r"(?i)(api|access|private|secret|auth|account|signing|encryption|wandb|hf|openai|ssh)[_.-]?key"
    r"|secret|passw(or)?d|passphrase|credential"
)
_TOKEN_NAME = re.compile(r"(?i)(^|[_.-])(token|key)$")
_RANDOM = re.compile(r"^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_\-+=~]{16,}$")
_HARMLESS = re.compile(
    r"(?i)^(none|null|true|false|yes|no|\*+|<.*>|\$.*|\[masked.*|env.*|[\d.,%-]+)$"
)
#: Superset of all the above for Polars' engine (which has no look-around): lines worth a closer look.
_MAYBE = (
    r"(?i)PRIVATE KEY|wandb_v|hf_|api_org_|sk-|AKIA|ASIA|ABIA|ACCA|gh[pousr]_|github_pat|glpat-|xox|xapp"
    r"|hooks\.slack|AIza|AccountKey|eyJ|bearer|://[^/\s]*@|[0-9a-f]{40}"
    r"|(key|token|secret|passw|passphrase|credential)\w*[\"']?\s*[:=\s]"
)
_END_OF_KEY = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_MAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
)
_PATH = re.compile(r"(?<![\w:/.>…])~?/(?:[^\s/\"'<>|:,;()\[\]]+/)+([^\s/\"'<>|:,;()\[\]]*)")
_FILE_URL = re.compile(r"file://\S+")
_WINDOWS = re.compile(r"(?<!\w)[A-Za-z]:\\(?:[^\\\s\"'<>|:,;]+\\)*([^\\\s\"'<>|:,;]*)")
_HOME = re.compile(r"(?:/home/|/Users/|\\Users\\)([^/\\\s\"']+)")


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is kept from reports: `mask` secrets; `anonymize` paths, addresses, host and user."""

    mask: bool = True
    anonymize: bool = False

    @property
    def key(self) -> str:
        """A word that is the same for equal settings, for keys of what is kept."""
        return f"mask={self.mask:d},anonymize={self.anonymize:d}"


class Masker:
    """Masks one run; `found` counts what was masked, by kind."""

    def __init__(self, privacy: Privacy, run: Run) -> None:
        self.privacy = privacy
        self.found: Counter[str] = Counter()
        self._commits = {r.identity.commit for r in (run, *run.parts) if r.identity.commit}
        self._people = _people(run) if privacy.anonymize else None

    def text(self, text: str, name: str = "") -> str:
        """A text without secrets; `name` is the key under which it stands."""
        if self.privacy.mask and text:
            text = self._secrets(text, name)
        if self.privacy.anonymize and text:
            text = self._anonymous(text)
        return text

    def _secrets(self, text: str, name: str) -> str:
        if name and _is_secret(name, text.strip()):
            return self._masked("secret by its name")
        text = _SECRET.sub(lambda m: self._masked(_SHAPES[int(str(m.lastgroup)[1:])][0]), text)
        text = _HEX.sub(lambda m: self._hexadecimal(m, name), text)
        return _NAMED.sub(self._named, text)

    def _hexadecimal(self, match: re.Match[str], name: str) -> str:
        before = match.string[max(0, match.start() - 40) : match.start()]
        about = f"{name} {before}"
        if match[0] in self._commits:
            return match[0]
        if _COMMIT.search(about) and not re.search(r"(?i)key|token|secret|login", about):
            return match[0]
        return self._masked("W&B key")

    def _named(self, match: re.Match[str]) -> str:
        if not _is_secret(match["name"], match["value"]):
            return match[0]
        if not re.search(r"[:=]", match["gap"]) and not _RANDOM.match(match["value"]):
            return match[0]  # "the key point": words, not a setting
        return f"{match['name']}{match['gap']}{self._masked('secret by its name')}"

    def _anonymous(self, text: str) -> str:
        def short(match: re.Match[str]) -> str:
            self.found["path"] += 1
            return f"…/{match[1]}" if match[1] else "…"

        def gone(kind: str) -> Callable[[re.Match[str]], str]:
            def masked(match: re.Match[str]) -> str:
                self.found[kind] += 1
                return f"[{kind}]"

            return masked

        text = _MAIL.sub(gone("e-mail address"), text)
        text = _FILE_URL.sub(gone("path"), text)
        text = _WINDOWS.sub(short, _PATH.sub(short, text))
        return self._people.sub(gone("name"), text) if self._people else text

    def _masked(self, kind: str) -> str:
        self.found[kind] += 1
        return f"[masked: {kind}]"

    def value(self, value: Any, name: str = "") -> Any:
        """Any JSON-like value, its texts masked; keys as well, for they may hold paths."""
        if isinstance(value, str):
            return self.text(value, name)
        if isinstance(value, dict):
            return {
                self.text(k) if isinstance(k, str) else k: self.value(v, str(k))
                for k, v in value.items()
            }
        if isinstance(value, list | tuple):
            names = [name, *(v if isinstance(v, str) and v[:1] == "-" else name for v in value)]
            return [self.value(v, n.lstrip("-")) for v, n in zip(value, names, strict=False)]
        return value

    def run(self, run: Run) -> Run:
        """The run, masked; the same object where there was nothing to mask."""
        before = self.found.total()
        who = replace(
            run.identity,
            **{
                f.name: self.value(getattr(run.identity, f.name), f.name)
                for f in fields(run.identity)
                if f.name not in ("started_at", "commit")
            },
        )
        done = run.completeness
        changed = replace(
            run,
            identity=who,
            config=self.value(run.config),
            summary=self.value(run.summary),
            history=self._texts(run.history),
            console=self._console(run.console),
            environment=self.value(run.environment),
            requirements=[self.text(line) for line in run.requirements],
            telemetry=self.value(run.telemetry),
            texts={self.text(name): self._file(text) for name, text in run.texts.items()},
            alerts=[
                replace(a, title=self.text(a.title), text=self.text(a.text)) for a in run.alerts
            ],
            artifacts=[replace(a, name=self.text(a.name)) for a in run.artifacts],
            files=[replace(f, path=self.text(f.path)) for f in run.files],
            completeness=replace(
                done,
                notes=[self.text(note) for note in done.notes],
                no_history=self.text(done.no_history),
                damage=[self._damage(d) for d in done.damage],
                seams=[replace(s, part=self.text(s.part)) for s in done.seams],
            ),
        )
        masked = self.found.total() > before
        if run.parts:  # what they hold is counted once, in the joined run
            counted = Counter(self.found)
            changed.parts = [self.run(part) for part in run.parts]
            masked |= self.found.total() > counted.total()
            self.found = counted
        return changed if masked else run

    def _damage(self, damage: Damage) -> Damage:
        return replace(damage, path=self.text(damage.path), reason=self.text(damage.reason))

    def findings(self, findings: list[Finding]) -> list[Finding]:
        """The findings, their texts masked (they may quote the console)."""
        return [
            replace(
                f,
                message=self.text(f.message),
                remedy=self.text(f.remedy),
                evidence=tuple(self._proof(e) for e in f.evidence),
                symptoms=tuple(self.findings(list(f.symptoms))),
            )
            for f in findings
        ]

    def _proof(self, proof: Evidence) -> Evidence:
        return replace(proof, run=self.text(proof.run)) if proof.run else proof

    def _texts(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Columns of text (tables, prompts) of a history."""
        out = frame
        for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
            if dtype == pl.String:
                out = out.with_columns(self._column(out[name]))
        return out

    def _column(self, column: pl.Series) -> pl.Series:
        pattern = "." if self.privacy.anonymize else _MAYBE
        at = column.str.contains(pattern).fill_null(False).arg_true()
        if not len(at):
            return column
        values = column.to_list()
        for i in at.to_list():
            values[i] = self.text(values[i])
        return pl.Series(column.name, values, dtype=pl.String)

    def _file(self, text: str) -> str:
        lines = pl.Series("line", text.split("\n"), dtype=pl.String)
        lines = _without_key_blocks(lines, self._masked if self.privacy.mask else None)
        return "\n".join(self._column(lines).to_list())

    def _console(self, console: pl.DataFrame) -> pl.DataFrame:
        if not console.height:
            return console
        masked = _without_key_blocks(console["line"], self._masked if self.privacy.mask else None)
        masked = self._column(masked)
        changed = masked != console["line"]
        if not changed.any():
            return console
        out = console.with_columns(masked)
        if "styled" in console.columns:  # colours might cut a secret in two: such lines lose them
            out = out.with_columns(
                pl.when(changed).then(None).otherwise(pl.col("styled")).alias("styled")
            )
        return out


def _without_key_blocks(lines: pl.Series, masked: Callable[[str], str] | None) -> pl.Series:
    """Console lines; the lines of a private key, one each there, become empty after the first."""
    starts = lines.str.contains("-----BEGIN [A-Z ]*PRIVATE KEY-----").arg_true().to_list()
    if not starts or masked is None:
        return lines
    values = lines.to_list()
    for start in starts:
        if not values[start]:
            continue
        stop = min(start + 200, len(values))
        end = next((i for i in range(start, stop) if _END_OF_KEY.search(values[i])), None)
        head, _, _ = values[start].partition("-----BEGIN")
        if end is None:  # cut off: as long as it looks like base64
            end = start
            while end + 1 < stop and re.fullmatch(r"[A-Za-z0-9+/=\s]{20,}", values[end + 1]):
                end += 1
        values[start] = head + masked("private key")
        for i in range(start + 1, end + 1):
            values[i] = ""
    return pl.Series(lines.name, values, dtype=pl.String)


def _is_secret(name: str, value: str) -> bool:
    """True where a setting's name says secret and its value could be one."""
    if _HARMLESS.match(value):
        return False
    if _SURE_NAME.search(name):
        return len(value) >= 6 and not value.startswith(("/", "./", "~"))
    return bool(_TOKEN_NAME.search(name) and _RANDOM.match(value))


def _people(run: Run) -> re.Pattern[str] | None:
    """Names of the user and the machine, where the run tells them."""
    names: set[str] = set()
    for part in (run, *run.parts):
        names.add(part.identity.host)
        for key, value in part.environment.items():
            if isinstance(value, str):
                names.update(_HOME.findall(value))
                if key.lower() in ("username", "user", "host", "hostname"):
                    names.add(value)
    known = sorted((n for n in names if len(n) >= 3 and n != "root"), key=len, reverse=True)
    if not known:
        return None
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, known))})(?![\w-])")


def masked_sentence(found: Mapping[str, int]) -> str:
    """What was masked, for a report; "" for nothing."""
    if not found:
        return ""
    kinds = ", ".join(f"{n} x {kind}" for kind, n in sorted(found.items()))
    total = sum(found.values())
    return f"{total} {'value' if total == 1 else 'values'} masked: {kinds}"


def protected(
    run: Run, findings: list[Finding], privacy: Privacy
) -> tuple[Run, list[Finding], Counter[str]]:
    """A run and its findings as reports may show them, and how many values of each kind were masked.

    The run is the same object where there was nothing to mask.
    """
    masker = Masker(privacy, run)
    masked = masker.run(run)
    counted = Counter(masker.found)  # before the findings, which quote the run
    return masked, masker.findings(findings), counted
