"""What names of metrics say when no pack knows them: a grammar of words, and a lexicon of quantities."""

from postrun.metrics.grammar.reader import JUDGED, LEAST, read, split_of_name

__all__ = ["JUDGED", "LEAST", "read", "split_of_name"]
