"""Words that names of metrics wrap around a quantity: splits, statistics, and what says nothing."""

from __future__ import annotations

import re
from functools import lru_cache

#: Words that name the data: training, evaluation (any that steers the training), test.
SPLITS = {
    **dict.fromkeys(
        ("train", "training", "tr", "trn", "trainer", "traing", "trian", "trainset", "learn", "learner",
         "entrenamiento", "treino", "treinamento", "entrainement"), "train"
    ),
    **dict.fromkeys(
        (
            "val", "valid", "validation", "validate", "validating", "vali", "dev", "eval", "evaluation",
            "evl", "evaluator", "evaluate", "evaluating", "holdout", "heldout", "valset", "evalset", "devset",
            "vl", "cv", "oof", "knn", "probe",
            "valida", "vaild", "vaildation", "validacion", "validacao", "bench", "benchmark",
        ),
        "eval",
    ),
    **dict.fromkeys(
        ("test", "testing", "te", "tst", "tests", "testset", "ood", "unseen", "prueba", "teste"), "test"
    ),
}  # fmt: skip

#: Words that name a statistic of the quantity, and how it is called.
STATISTICS = {
    **dict.fromkeys(("mean", "avg", "average", "ave", "averaged", "mu", "expected", "means"), "mean"),
    **dict.fromkeys(("std", "stddev", "stdev", "sd", "deviation", "spread", "stderr", "stds"), "std"),
    **dict.fromkeys(("var", "variance"), "var"),
    **dict.fromkeys(("min", "minimum", "lowest", "smallest"), "min"),
    **dict.fromkeys(("max", "maximum", "highest", "largest"), "max"),
    **dict.fromkeys(("best", "top"), "best"),
    **dict.fromkeys(("last", "final", "latest", "current", "curr", "cur"), "last"),
    **dict.fromkeys(("initial",), "first"),
    **dict.fromkeys(("worst",), "worst"),
    **dict.fromkeys(("median", "med"), "median"),
    **dict.fromkeys(("sum", "summed"), "sum"),
}  # fmt: skip
_QUANTILE = re.compile(r"p\d{1,2}|q\d{2}|quantile\d*|percentile\d*")

#: Statistics of which neither more nor less is better.
SPREADS = frozenset({"std", "var", "count"})

#: Words that say where a value was computed or logged, not what it is.
WRAPPERS = frozenset(
    """
    metrics metric losses log logs logged logger charts chart stats stat statistics info infos perf
    performance monitor monitoring summary scalars scalar global local overall all per epoch epochs
    step steps batch batches iter iters iteration iterations minibatch micro rollout rollouts env
    environment envs objective running moving ema smoothed smooth window rolling interval cumulative
    cum accumulated total x online offline every each by the of and in on for at to with from a an
    as history tensorboard tb wandb hist raw value result results dist distribution callback update
    updates policy actor critic agent agents episode episodes main model default base net network
    loop fit stage phase finetune finetuning pretrain pretraining ft warmup end start init
    before after post pre new old custom my s sec ms gb gib mb mib mm cm km deg db nb kb kib percent pct unit
    units n i k macro weighted instantaneous tmp run used done far so observed cross validated no lifetime func
    """.split()  # noqa: SIM905 - a list of words is read more easily
)

#: Adjectives that leave a quantity what it is.
QUALIFIERS = frozenset(
    """
    extrinsic ext class classes label token tokens sample samples example examples normalized
    normalised norm scaled unscaled clipped unclipped masked unmasked teacher student source target
    src tgt client clients server player opponent team red blue left right real fake a b c d coarse
    fine head heads layer layers level stage rank worker gpu device node group param params fold
    seed split dataset data set subset domain task tasks language lang en de fr zh image text audio
    video speech char word sentence pixel point points edge graph user item aggregated agg combined
    joint clean adv adversarial robust corrupted noisy greedy beam stochastic deterministic zero
    shot few full half hard easy medium small large id ood seen novel old new fused shared single
    multi binary multiclass categorical sparse dense top true weighted unweighted macro micro cls
    regression classification segmentation detection backbone encoder decoder mlm nsp lm sft rl dpo
    ppo grpo white black extr pg adam adamw sgd rmsprop adagrad adafactor lion lamb muon
    decoupled optimizer net module bn m 1d 2d 3d 4d person box bbox seg mask segm pose
    """.split()  # noqa: SIM905 - a list of words is read more easily
)


#: Abbreviations of what an error or a loss is of.
_FULL = {
    "pos": "position", "rot": "rotation", "trans": "translation", "ang": "angle", "vel": "velocity",
    "quant": "quantization", "recon": "reconstruction", "rec": "reconstruction", "pred": "prediction",
    "cls": "classification", "class": "classification", "orient": "orientation", "abs": "absolute",
    "rel": "relative", "reproj": "reprojection", "gen": "generalization", "spec": "spectrogram",
    "approx": "approximation",
}  # fmt: skip


@lru_cache(maxsize=65_536)
def statistic(word: str) -> str:
    """Return the statistic that a word names, "" if none."""
    return STATISTICS.get(word) or (word if _QUANTILE.fullmatch(word) else "")


def singular(word: str) -> str:
    """Return a noun's singular: "class" of "classes", "trade" of "trades"."""
    if len(word) < 4 or word in ("series", "species"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "ches", "xes", "shes")):
        return word[:-2]
    kept = word.endswith(("ss", "us", "is")) and not word.endswith(
        "pus"
    )  # "loss", "status"; "gpus"
    return word[:-1] if word.endswith("s") and not kept else word


def spelled_out(word: str) -> str:
    """Return what an abbreviation stands for: "position" for "pos"; the word itself if it is none."""
    return _FULL.get(word, word)
