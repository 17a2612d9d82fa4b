"""Whether two quantities are the same: by concept, not by wording.

Words are compared after synonyms are replaced. A qualifier may be missing on one side ("PPO clip fraction" and
"clip fraction"), unless it makes another quantity of it ("balanced accuracy"). Another head noun is always
another quantity.
"""

from __future__ import annotations

import re
from functools import cache

from postrun.metrics.grammar.words import singular

#: What a quantity's words look like, and the words of the concept. All that fit are replaced, in this order.
_SYNONYMS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\(.*?\)|\[.*?\]", " "),
        (r"utilisation", "utilization"),
        (r"\bnormalised\b", "normalized"),
        (r"\bnumber of ((?:\w+ )*)(\w+)$", lambda m: f"{m[1]}{singular(m[2])} count"),
        (r"\bcycle[ -]consistency\b", "cycle consistency"),
        (r"(.+) difference$", r"change of \1"),
        (r"\b(\w+)isation\b", r"\1ization"),
        (r"\bd g z\b.*|\bd x\b|\bd\(.*|(?:real|fake) scores?|scores? (?:real|fake)", "discriminator output"),
        # losses
        (r"value[ -]function", "value"),
        (r"\b(?:policy[ -]gradient|reinforce|surrogate|actor|pg)\b", "policy"),
        (r"\bcritic loss|\bq[ -]function loss|\btemporal-difference loss", "value loss"),
        (r"(?:negative )?log[ -]?(?:likelihood )?loss|negative log[ -]likelihood", "cross-entropy loss"),
        (r"\bnll\b|\bbce\b|\bce\b", "cross-entropy loss"),
        (r"generator adversarial loss", "generator loss"),
        (r"\b(?:[gcd])?iou loss\b", "box regression loss"),
        (r"\btemperature loss\b", "entropy coefficient loss"),
        (r"\bretraining loss\b", "retrain loss"),
        (r"\bcross-entropy loss on (\w+) tokens\b", r"\1 loss"),
        (r"\b(mean squared|mean absolute|huber|cross-entropy) (?:error|loss)", r"\1 loss"),
        (r"\b(l1|l2) (?:error|reconstruction loss|loss)", r"\1 loss"),
        (r"\bauxiliary\b|\bregularization\b|\bload balancing\b", "auxiliary"),
        (r"\bintrinsic curiosity module\b|\bicm\b", "curiosity"),
        (r"\bsegmentation loss", "mask loss"),
        (r"vector-quantization|codebook", "commitment"),
        (r"\bvar(?:iance)? loss", "variance loss"),
        (r"\btotal loss|\btraining loss|\bevaluation loss|\bcombined loss", "loss"),
        # scores
        (r"\barea under (?:the )?(?:roc )?curve\b|\bauroc\b|\bauc\b", "roc area"),
        (r"\barea under (?:the )?precision-recall curve\b|\bauprc\b", "precision-recall area"),
        (r"\bc(?:oncordance)?[ -]index\b", "roc area"),
        (r"\b(?:mean )?average precision\b", "map"),
        (r"\bintersection over union\b|\bm?iou\b|\bjaccard\b", "iou"),
        (r"\bf1 score\b|\bf-?score\b", "f1"),
        (r"\bdice (?:score|coefficient)\b", "dice"),
        (r"\bsensitivity\b", "recall"),
        (r"\bmean reciprocal rank\b", "mrr"),
        (r"\bhits? ?(?:@?\d+|rate|ratio)\b|\bhr ?\d*\b", "hit rate"),
        (r"\b(?:pearson|spearman|kendall)\w*\b.*|\bcorr\b", "correlation"),
        (r"\bword error rate\b", "wer"),
        (r"\bcharacter error rate\b", "cer"),
        (r"\bfr[eé]chet inception distance\b|\bfid\w*\b.*", "fid"),
        (r"\bpeak signal-to-noise ratio\b|\bpsnrs\b", "psnr"),
        (r"\bstructural similarity\b", "ssim"),
        (r"\binception score\b|^is\d+k.*", "inception score"),
        (r"\bgain\b|\bimprovement\b", "gain"),
        (r"\berror rate\b", "error"),
        (r"\b(?:share|proportion|percentage) of\b", "fraction of"),
        (r"\bfpr\w*\b", "false positive rate"),
        (r"\bfnr\b", "false negative rate"),
        (r"\bwasserstein\b.*", "wasserstein distance"),
        (r"\bmape\b", "mean absolute percentage error"),
        (r"\bnsd\b|\b(?:normalized )?surface (?:dice|distance)\b", "surface dice"),
        (r"\blpips\b.*", "lpips"),
        (r"\b(?:ovr )?mos\b|\bmean opinion score\b|\bdnsmos\b", "opinion score"),
        (r"\bami\b|\badjusted mutual.*", "mutual information"),
        # reinforcement learning
        (r"(?:intrinsic|curiosity) (?:episode )?(?:reward|return)|return intrinsic.*", "curiosity bonus"),
        (r"\bmoving average\b|\bstandard deviation\b", " "),
        (r"\b(?:episode|episodic|cumulative|average|extrinsic|discounted) (?:reward|return)\b", "return"),
        (r"\breward score\b|^reward$", "return"),
        (r"\b(?:part|term) of the reward\b|\breward (?:part|term|component)\b|\b\w+ reward$", "reward term"),
        (r"\breturn intrinsic\b|\breturn extrinsic\b", "return"),
        (r"\bapprox(?:imate)? kl\b|\bkl (?:of one update|old-new policy|divergence)\b", "kl"),
        (r"\b(?:kl trainer-sampler|trainer-inference kl|kl between sampler and trainer)\b.*", "mismatch kl"),
        (r"\bkl loss\b|\bkl penalty\b|\bkl of the latent code\b.*|\bkl latent\b", "kl"),
        (r"\bkl old-new policy\b", "kl"),
        (r"\btarget q-value\b", "q-target"),
        (r"\bpolicy objective\b", "policy loss"),
        (r"\baction standard deviation\b", "policy standard deviation"),
        (r"\bgame length\b", "episode length"),
        (r"\bexploration bonus\b", "intrinsic reward"),
        (r"\breward per step\b", "reward"),
        (r"\b(?:human-|d4rl )?normalized score\b|\bvalidation score\b", "score"),
        (r"\bepisodes ended by .*", "episode terminations"),
        (r"\bshare of groups all wrong\b", "prompts that no sample solves"),
        (r"\bshare of groups all right\b", "prompts that all samples solve"),
        (r"\bpolicy staleness\b", "policy lag"),
        (r"\bexploration(?: rate)?(?: epsilon)?\b|\bepsilon\b", "exploration"),
        (r"\bdraw(?:s| rate)?\b", "draws"),
        (r"\bresponse length\b|\boutput length\b", "completion length"),
        # optimisation and progress
        (r"\bgradient norm squared\b", "squared gradient norm"),
        (r"\bparameter update count\b|\bupdate count(?:er)?\b|\bupdate step counter\b", "step counter"),
        (r"\benvironment\b|\benvironments\b", "env"),
        (r"\biteration counter\b|\bround counter\b", "step counter"),
        (r"\b(?:communication|boosting) round$", "step counter"),
        (r"\b(?:epoch|boosting round|step) of the best result\b|\bbest (?:step|epoch)\b", "best step"),
        (r"\bparameter norm\b", "weight norm"),
        (r"\bgradient overflow\b", "skipped updates"),
        (r"(\w+) weight$", r"\1 coefficient"),
        (r"\bfloating-point operations\b.*", "flops total"),
        (
            r"\b(sample|token|episode|sentence)s (?:seen|done|count)\b",
            r"\1 counter",
        ),
        (r"\b(sample|token|episode) count\b", r"\1 counter"),
        (r"\b(?:clip range|discount factor|dropout rate|teacher forcing ratio)\b", "coefficient"),
        (r"\bcoefficient(?! of)\b|\btemperature(?! loss)\b|\bthreshold\b", "coefficient"),
        # times
        (r"\b(?:rollout|sampling|generation|inference|env|collection) time\b|\blatency\b", "sampling time"),
        (r"\b(?:training|learner|update|epoch|forward|backward|round) time\b", "training time"),
        (r"\b(?:step|iteration|batch) time\b", "step time"),
        # pictures
        (r"\bconfusion matrix(?: image)?\b", "confusion matrix"),
        (r"\b(?:sample )?(?:images?|pictures|video|videos|renders?)\b", "image"),
        (r"\bpredictions\b", "prediction"),
        (r"\bphys loss", "physics loss"),
        (r"(?<=\w) (?:index|score)$", " "),
    )
)  # fmt: skip
#: Qualifiers that make another quantity: they must stand on both sides.
_TELLING = frozenset(
    """
    balanced top-1 top-5 preference gain gap coefficient loss discriminator generator intrinsic squared root
    percentage chosen rejected mismatch completion prompt evaluation sampling data parameter gradient
    weight update best area matrix histogram term entropy temperature kl token sample gpu host error false
    true return
    """.split()  # noqa: SIM905 - a list of words is read more easily
)
#: Words that are no quantity alone: the clip fraction is no mere fraction.
_BARE = frozenset(
    {
        "loss",
        "fraction",
        "count",
        "counter",
        "rate",
        "coefficient",
        "distance",
        "score",
        "norm",
        "time",
    }
)
#: The losses that "loss" alone can mean: what the training minimises as a whole.
_WHOLE = frozenset(
    {"", "cross-entropy", "mean squared", "mean absolute", "root mean squared", "reconstruction", "huber",
     "binary cross-entropy", "td", "dice cross-entropy",
     "dice", "reward-model pairwise", "sum over clients", "summed over the epoch", "retraining", "contrastive"}
)  # fmt: skip


@cache
def concept(quantity: str) -> str:
    """Return a quantity's words with synonyms replaced, in lower case."""
    text = quantity.lower()
    for pattern, words in _SYNONYMS:
        text = pattern.sub(words, text)
        text = " ".join(text.split())
    return " ".join(text.replace(",", " ").split())


def same(read: str, truth: str) -> bool:
    """Return whether a quantity as read is the true one, whatever words they are told in.

    A reading may say more than a person did who says no more than "count", "coefficient" or "time".
    """
    a, b = concept(read), concept(truth)
    if a == b or (b in ("count", "coefficient", "time") and a.endswith(f" {b}")):
        return True
    if not a or not b:
        return False
    losses = [_kind(text) for text in (a, b)]
    if None not in losses:
        return _same_loss(losses[0] or "", losses[1] or "")
    return _same_but_qualified(a.split(), b.split())


def _kind(text: str) -> str | None:
    """Return which loss a concept is, "" for the loss itself; None if it is no loss."""
    found = re.fullmatch(r"(.*?)\s*\bloss(?: (?:on|sum|summed) .*)?", text)
    return found[1] if found else None


def _same_loss(a: str, b: str) -> bool:
    """Return whether two kinds of loss are one.

    "loss" may be any loss of a whole training: which one often stands in the code alone.
    """
    if "" in (a, b):
        return a in _WHOLE and b in _WHOLE
    return _same_but_qualified([*a.split(), "loss"], [*b.split(), "loss"])


def _same_but_qualified(a: list[str], b: list[str]) -> bool:
    """Return whether all words of the shorter stand in the longer, and what is more tells nothing else."""
    short, long = sorted((a, b), key=len)
    more = set(long) - set(short)
    return set(short) <= set(long) and not more & _TELLING and bool(set(short) - _BARE)
