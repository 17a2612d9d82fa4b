"""What must not leave the machine: keys, tokens and passwords; paths and people, if that is asked for."""

from postrun.privacy.masker import Masker, masked_sentence, protected
from postrun.privacy.settings import Privacy

__all__ = ["Masker", "Privacy", "masked_sentence", "protected"]
