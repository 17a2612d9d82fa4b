"""Metrics out of a console: lines that repeat a shape such as "step 100 loss 2.31", as a history."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import polars as pl

from postrun.training.console_shapes import BAR, NUMBER, SLOT, Shape, Slot, parse_shape, understood
from postrun.training.console_tables import with_flat_tables
from postrun.training.console_words import SDK_LINE

#: A line that is printed fewer times than this is no log of a training.
_REPEATS = 5
#: Longer lines hold data, not metrics.
_LONGEST = 4000
#: Shapes that are looked at, the most frequent ones.
_MOST_SHAPES = 2000
#: Counters from the finest to the coarsest.
COUNTERS = ("step", "iteration", "update", "batch", "episode", "round", "epoch", "stage")
#: Counters that may be two words for one count.
_ALIKE = ("step", "iteration", "update")
#: Counters that are printed on a line of their own, and hold for the lines after it.
_HEADINGS = frozenset({"round", "epoch", "stage"})
#: What is beside a reward in lines that a trainer prints.
_OF_LEARNING = frozenset(
    {"loss.train", "loss.policy", "loss.value", "length.episode", "accuracy.train"}
)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_BREAKS = re.compile(r"\r\n?|\x08+")
_DRAWN = r"\[[=>.\-#* ]{3,}\]|[━╸╺─▏▎▍▌▋▊▉█░▒▓]+[ ━╸╺─▏▎▍▌▋▊▉█░▒▓]*|\|[ #]{4,}\|"
_TIME = r"^\W{0,2}(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)[.,]?(\d{0,6})"
#: Columns while reading: what a counter or a bar (no unit) has done, its total, whether Keras draws the bar.
_DONE, _TOTAL, _REDRAWN = "done of ", "total of ", "redrawn"
#: Commas between thousands, if they cannot be a decimal comma.
_THOUSANDS = r"^[+-]?\d{1,3}(?:,\d{3})+\.\d+$|^[+-]?\d{1,3}(?:,\d{3}){2,}$"


def console_history(text: str) -> pl.DataFrame | None:
    """Return the metrics that a console prints, one row per line; None if it prints none.

    The columns are the counters of the lines ("step", "iteration", "epoch", ...), `_timestamp` (Unix
    seconds, if lines begin with a date), and the metrics by their printed names: "val/loss" if the line
    says "val: loss 0.3". What a line does not print is null, but a counter keeps its last value.
    Durations in ms and µs become seconds. Only lines that repeat at least 5 times, and of which a
    metric is understood, are read.
    """
    lines = _lines(text)
    if not lines.height:
        return None
    shapes = _shapes(lines)
    metrics = _with_one_meaning(_repeated(shapes))
    if not metrics:
        return None
    wanted = metrics | {t: s for t, (s, _) in shapes.items() if _is_heading(s)}
    parts = lines.filter(pl.col("shape").is_in(list(wanted))).partition_by("shape", as_dict=True)
    frame = pl.concat(
        [_rows(wanted[str(template)], part) for (template,), part in parts.items()],
        how="diagonal",
    ).sort("_line")
    names = list(dict.fromkeys(name for shape in metrics.values() for name in shape.metrics))
    return _finished(frame, [name for name in names if name in frame.columns])


def _lines(text: str) -> pl.DataFrame:
    """Return the lines that hold a number: `_line`, `line` without escapes and bars, and its `shape`."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text or "\x08" in text:
        text = _BREAKS.sub("\n", text)
    text = with_flat_tables(text)
    found = pl.DataFrame({"line": text.split("\n")}, schema={"line": pl.String})
    line = pl.col("line")
    found = found.with_row_index("_line").filter(
        line.str.contains(r"\d")
        & (line.str.len_bytes() <= _LONGEST)
        & ~line.str.starts_with(SDK_LINE)
    )
    tidy = line.str.replace_all(_DRAWN, BAR).str.replace_all(r"\s+", " ").str.strip_chars()
    return found.with_columns(tidy).with_columns(shape=line.str.replace_all(NUMBER, SLOT))


def _shapes(lines: pl.DataFrame) -> dict[str, tuple[Shape, int]]:
    """Return the most frequent shapes, each with the number of its lines."""
    counted = (
        lines.group_by("shape", maintain_order=True)
        .agg(pl.len().alias("lines"), pl.col("line").first())
        .sort("lines", descending=True, maintain_order=True)
        .head(_MOST_SHAPES)
        .with_columns(numbers=pl.col("line").str.extract_all(NUMBER))
    )
    rows = counted.select("shape", "numbers", "lines").iter_rows()
    return {shape: (parse_shape(shape, numbers), lines) for shape, numbers, lines in rows}


def _repeated(shapes: dict[str, tuple[Shape, int]]) -> dict[str, tuple[Shape, int]]:
    """Return the shapes of metrics whose meaning repeats: lines with equal metrics and counters."""
    counts: Counter[object] = Counter()
    for shape, lines in shapes.values():
        counts[_meaning(shape)] += lines
    return {
        template: (shape, lines)
        for template, (shape, lines) in shapes.items()
        if shape.judged and counts[_meaning(shape)] >= _REPEATS and not _of_one_action(shape)
    }


def _of_one_action(shape: Shape) -> bool:
    """Return whether a line tells the reward of one action, as environments print: no counter, no return."""
    bare = shape.bar is None and not shape.counters
    roles = {understood(name) for name in shape.metrics}
    return bare and bool(roles & {"reward", "reward.component"}) and not roles & _OF_LEARNING


def _meaning(shape: Shape) -> object:
    return tuple(shape.metrics), shape.axis


def _is_heading(shape: Shape) -> bool:
    """Return whether a line has a counter that holds for the lines after it, and no metrics."""
    return not shape.metrics and not _HEADINGS.isdisjoint(shape.counters)


def _with_one_meaning(shapes: dict[str, tuple[Shape, int]]) -> dict[str, Shape]:
    """Return shapes in which each name has one meaning: that of most lines.

    "loss" of each step and "loss" of each epoch (a mean) do not belong into one column.
    """
    counts: dict[str, Counter[tuple[bool, tuple[str, ...]]]] = {}
    for shape, lines in shapes.values():
        for name in shape.metrics:
            counts.setdefault(name, Counter())[shape.axis] += lines
    # Of a bar and a line of its own, printed equally often, the line tells the result.
    owner = {
        n: max(found, key=lambda axis: (found[axis], not axis[0])) for n, found in counts.items()
    }
    out = {}
    for template, (shape, _) in shapes.items():
        own = {n: slot for n, slot in shape.metrics.items() if owner[n] == shape.axis}
        if own:
            out[template] = replace(shape, metrics=own)
    return out


def _rows(shape: Shape, part: pl.DataFrame) -> pl.DataFrame:
    """Return the numbers of lines of one shape: its counters, bar, time and metrics."""
    numbers = part["line"].str.extract_all(NUMBER)
    day = pl.col("line").str.extract_groups(_TIME)
    out = part.select(
        "_line",
        pl.concat_str([day.struct[0], pl.lit(" "), day.struct[1], pl.lit("."), day.struct[2]])
        .str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
        .alias("_timestamp"),
    )
    columns = [
        _column(f"{_DONE}{unit}", slot, numbers, counter=True)
        for unit, slot in shape.counters.items()
    ]
    columns += [
        _column(f"{_TOTAL}{unit}", Slot(at), numbers, counter=True)
        for unit, at in shape.totals.items()
    ]
    if shape.bar:
        columns += [
            _column(name, Slot(at), numbers, counter=True)
            for name, at in zip((_DONE, _TOTAL), shape.bar, strict=True)
        ]
        whole = pl.Series(
            _REDRAWN, [True if shape.redrawn else None] * part.height, dtype=pl.Boolean
        )
        columns.append(whole)
    columns += [_column(name, slot, numbers) for name, slot in shape.metrics.items()]
    return out.with_columns(columns)


def _column(name: str, slot: Slot, numbers: pl.Series, counter: bool = False) -> pl.Series:
    """Return the numbers of one place; null in lines whose name differs or whose number is ambiguous.

    "1,234" may be a decimal comma, unless it counts.
    """
    text = numbers.list.get(slot.place, null_on_oob=True)
    if text.str.contains(",", literal=True).any():
        sure = text.str.contains(r"^[+-]?\d{1,3}(?:,\d{3})+$" if counter else _THOUSANDS)
        bare = text.str.replace_all(",", "", literal=True)
        text = pl.select(pl.when(sure).then(bare).otherwise(text)).to_series()
    values = text.str.to_lowercase().str.strip_prefix("+").cast(pl.Float64, strict=False)
    for place, word in slot.within.items():
        same = numbers.list.get(place, null_on_oob=True) == word
        values = pl.select(pl.when(same).then(values)).to_series()
    return (values * slot.scale if slot.scale != 1 else values).alias(name)


def _finished(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame | None:
    """Return the rows of metrics with their counters at every row, None if none is left."""
    frame = _with_one_word(frame)
    units = [unit for unit in COUNTERS if f"{_DONE}{unit}" in frame.columns]
    frame = frame.with_columns(pl.col(f"{_DONE}{unit}").forward_fill() for unit in units)
    frame = frame.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in names))
    if _REDRAWN in frame.columns:
        frame = _last_of_bars(frame)
    if frame.height < _REPEATS:
        return None
    counters = {unit: frame[f"{_DONE}{unit}"] for unit in units}
    counters |= _over_epochs(frame, counters)
    counters = {u: s.forward_fill() for u, s in counters.items() if u != "round" or not _falls(s)}
    columns = [_narrow(counters[unit].alias(unit)) for unit in COUNTERS if unit in counters]
    if frame["_timestamp"].count():
        seconds = frame["_timestamp"].dt.epoch("us") / 1e6
        columns.append(seconds.alias("_timestamp"))
    taken = {series.name for series in columns}
    columns += [_narrow(frame[name]) for name in names if name not in taken]
    return pl.DataFrame(columns)


def _with_one_word(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows in which a count has one name, that of most lines.

    nanoGPT prints "step 200: val loss 1.2" between "iter 200: loss 1.3" and "iter 201: ...": no line has both
    words, and together they count on.
    """
    for i, first in enumerate(_ALIKE):
        for second in _ALIKE[i + 1 :]:
            names = [n for n in (f"{_DONE}{first}", f"{_DONE}{second}") if n in frame.columns]
            if len(names) < 2 or frame[names[0]].count() < 2 or frame[names[1]].count() < 2:
                continue
            a, b = (frame[name] for name in names)
            both = pl.select(pl.coalesce(a, b)).to_series()
            apart = not (a.is_not_null() & b.is_not_null()).any()
            if apart and _falls_often(both) <= max(_falls_often(a), _falls_often(b)):
                kept, other = names if a.count() > b.count() else names[::-1]
                frame = frame.with_columns(both.alias(kept)).drop(other)
    return frame


def _last_of_bars(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows without the states of bars that were full later: these print means since the epoch began."""
    drawn = frame[_REDRAWN].fill_null(False)
    full = drawn & (frame[_DONE] >= frame[_TOTAL]).fill_null(False)
    return frame.filter(~drawn | full) if full.any() else frame


def _over_epochs(frame: pl.DataFrame, counters: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """Return the counters that begin again with each epoch, and the place of a bar, counted over all epochs."""
    found: dict[str, pl.Series] = {}
    epoch = counters.get("epoch")
    for unit in ("step", "iteration", "batch", ""):
        done, total = f"{_DONE}{unit}", f"{_TOTAL}{unit}"
        if done not in frame.columns or total not in frame.columns:
            continue
        name = unit or "step"
        if not unit and ("step" in counters or "iteration" in counters or not _many(frame)):
            continue
        if epoch is None or not _again(frame[done], epoch):
            if not unit and not _falls(frame[done]):
                found[name] = frame[done]
        else:
            whole = epoch.floor() - (epoch.floor().min() or 0)
            found[name] = whole * frame[total] + frame[done]
    return found


def _many(frame: pl.DataFrame) -> bool:
    """Return whether a bar stands at several places, rather than at its end in each row."""
    return bool((frame[_DONE] < frame[_TOTAL]).any())


def _again(done: pl.Series, epoch: pl.Series) -> bool:
    """Return whether a count begins again with an epoch, rather than counting on over all of them."""
    known = done.is_not_null()
    moves, epochs = done.filter(known).diff(), epoch.filter(known).diff()
    return bool(((moves < 0) | ((epochs > 0) & (moves <= 0))).any())


def _falls(series: pl.Series) -> bool:
    return _falls_often(series) > 0


def _falls_often(series: pl.Series) -> int:
    """Return how often a count goes back."""
    moves = series.drop_nulls().diff().drop_nulls()
    return int((moves < 0).sum())


def _narrow(series: pl.Series) -> pl.Series:
    """Return a column of whole numbers as such."""
    known = series.drop_nulls()
    whole = len(known) > 0 and bool((known.is_finite() & (known == known.round())).all())
    return series.cast(pl.Int64, strict=False) if whole else series
