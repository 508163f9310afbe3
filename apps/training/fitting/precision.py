"""Whether int8 may answer in place of fp32. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.common.config.training import Compression
from libs.common.models.base import Classifier
from libs.common.stats.metrics import confusion, macro_f1

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of ``rows`` that nothing was fitted on, int8 labels ``flips`` otherwise than fp32, and macro-F1 falls by the loss.

    It keeps the limits by which it was given, so that the evaluation can hold the same ones against other rows.
    """

    accepted: bool
    rows: int
    flips: int
    macro_f1_loss: float
    limits: Compression

    @property
    def said(self) -> str:
        """The verdict with its reason, a sentence without its full stop."""
        if not self.rows:
            return "fp32, for no rows were set aside to judge int8 by"
        flips, loss = self.limits.max_flips, self.limits.max_macro_f1_loss
        seen = (
            f"{self.flips} of {self.rows} labels set aside are other than in fp32 ({self.flips / self.rows:.2%}, {flips:.2%} "
            f"may be), macro F1 is {-self.macro_f1_loss:+.4f} ({-loss:+.4f} may be)"
        )
        return f"int8: {seen}" if self.accepted else f"fp32, for in int8 {seen}"


@dataclass(frozen=True)
class Trial:
    """What came of int8: the verdict, and the same classifier all in fp32."""

    verdict: Verdict
    full: Classifier


def judge(truth: Numbers, full: Numbers, small: Numbers, classes: int, limits: Compression) -> Verdict:
    """Whether ``small`` may answer in place of ``full``; both are class numbers (n,) on the rows of ``truth``."""
    flips = int((full != small).sum())
    loss = float(macro_f1(confusion(truth, full, classes)) - macro_f1(confusion(truth, small, classes)))
    alike = flips <= limits.max_flips * len(truth) and loss <= limits.max_macro_f1_loss
    return Verdict(len(truth) > 0 and alike, len(truth), flips, loss, limits)
