"""Whether two quantities are the same: by concept, not by wording."""

from __future__ import annotations

import re

#: Concept, and what a quantity's words look like that mean it. The first that fits decides.
_CONCEPTS = tuple(
    (concept, re.compile(pattern, re.IGNORECASE))
    for concept, pattern in (
        ("value loss", r"value(?:[ -]function)? loss|critic loss"),
        ("policy loss", r"policy(?:[ -]gradient)? loss|surrogate"),
        ("entropy loss", r"entropy loss(?<!cross-entropy loss)"),
        ("temperature loss", r"temperature loss"),
        ("discriminator loss", r"discriminator .*loss|discriminator loss"),
        ("generator loss", r"generator .*loss|generator loss"),
        ("KL loss", r"KL loss|KL penalty"),
        ("cross-entropy loss", r"cross-entropy|log loss|negative log"),
        ("loss", r"^(?:combined |total |training |evaluation )?loss$"),
        ("clip fraction", r"clip fraction"),
        ("explained variance", r"explained variance"),
        ("entropy", r"^(?:policy )?entropy$"),
        ("FLOPs utilisation", r"FLOPs utili[sz]ation|\bMFU\b"),
        ("squared gradient norm", r"squared gradient norm|gradient norm squared"),
        ("Dice", r"dice (?:score|coefficient)|^dice$"),
        ("ROC curve", r"roc curve|confusion matrix|plot|images?|pictures|predictions"),
        ("AUPRC", r"precision-recall curve"),
        ("AUROC", r"area under|AUROC|AUC"),
        ("mAP", r"mean average precision"),
        ("IoU", r"intersection over union|IoU|jaccard"),
        ("top-1 accuracy", r"top-1 accuracy"),
        ("top-5 accuracy", r"top-[35] accuracy"),
        ("preference accuracy", r"preference accuracy"),
        ("accuracy", r"accuracy"),
        ("PSNR", r"PSNR|peak signal"),
        ("SSIM", r"SSIM|structural similarity"),
        ("FID", r"fid|inception distance"),
        ("inception score", r"\bIS\b|inception score"),
        ("WER", r"word error rate|\bWER\b"),
        ("CER", r"character error rate|\bCER\b"),
        ("MRR", r"\bMRR|reciprocal rank"),
        ("NDCG", r"NDCG"),
        ("hit rate", r"\bHR|hit"),
        ("Pearson", r"pearson|correlation"),
        ("Hausdorff", r"hausdorff|HD95|distance(?<!perceptual distance)"),
        ("chosen reward", r"reward of chosen"),
        ("rejected reward", r"reward of rejected"),
        ("completion length", r"completion length|response length"),
        ("episode duration", r"episode duration"),
        ("episode length", r"episode length"),
        ("return", r"episode return|episode reward|^reward$|average reward|extrinsic reward"),
        ("KL", r"\bKL\b"),
        ("exploration rate", r"exploration"),
        ("Q-value", r"Q-value"),
        ("step counter", r"step counter|update count|environment step|round counter|iteration counter"),
        ("token count", r"tokens? (?:seen|count)"),
        ("sample count", r"samples? (?:seen|count)|batch size"),
        ("floating-point operations", r"floating-point"),
        ("throughput steps", r"throughput (?:env |learner |inference )?steps|^throughput$"),
        ("throughput samples", r"throughput samples"),
        ("throughput tokens", r"throughput tokens"),
        ("step time", r"step time"),
        ("data time", r"data loading"),
        ("sampling time", r"sampling time|inference time|rollout time|generation time|environment time"),
        ("evaluation time", r"evaluation time"),
        ("epoch", r"^epoch$"),
        ("time", r"time|latency|duration|wall-clock"),
        ("GPU memory", r"GPU memory"),
        ("host memory", r"host memory"),
        ("coefficient", r"coefficient(?! of)|temperature|curriculum|threshold"),
        ("error", r"error rate|^error$"),
        ("discriminator output", r"discriminator output|scores? (?:real|fake)|(?:real|fake) score"),
        ("score", r"^score$|core metric|text-generation"),
        ("VQ loss", r"vector-quantization|commitment"),
        ("physics loss", r"physics loss|phys loss"),
    )
)  # fmt: skip


def concept(quantity: str) -> str:
    """Return the concept that a quantity's words mean, or the words themselves in lower case."""
    found = next((name for name, pattern in _CONCEPTS if pattern.search(quantity)), "")
    return found or " ".join(quantity.lower().split())


#: Losses that are no mere kind of a loss: another one is another thing.
_PLAYERS = frozenset(
    {
        "value loss",
        "policy loss",
        "entropy loss",
        "temperature loss",
        "discriminator loss",
        "generator loss",
        "KL loss",
    }
)


def same(first: str, second: str) -> bool:
    """Return whether two quantities are one: the same concept, or both a loss of no side of a game.

    Which loss it is often stands in the code alone: "loss" is right for a cross-entropy loss, and "seg loss"
    for a segmentation loss; a policy's, a value function's and a generator's loss are other things.
    """
    a, b = concept(first), concept(second)
    if a == b:
        return True
    losses = all(re.search(r"\bloss\b|error$|distance", text) for text in (first, second))
    return losses and a not in _PLAYERS and b not in _PLAYERS
