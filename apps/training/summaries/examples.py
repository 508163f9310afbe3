"""E-mails with the lines that people wrote to sum them up: of a dataset version, or of the AESLC corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.rows import TABLE
from libs.common.domain.dataset import Split
from libs.common.domain.triage import Email
from libs.common.errors import DataError


@dataclass(frozen=True)
class SummaryExamples:
    """E-mails, and of each the reference lines: one or more, none empty."""

    emails: tuple[Email, ...]
    references: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.emails)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "SummaryExamples":
        """The given rows, in the given order."""
        chosen = [int(row) for row in rows]
        return SummaryExamples(tuple(self.emails[row] for row in chosen), tuple(self.references[row] for row in chosen))

    def sample(self, size: int, seed: int) -> "SummaryExamples":
        """At most ``size`` rows, drawn by ``seed``, in their order."""
        return self.take(np.sort(np.random.default_rng(seed).permutation(len(self))[:size]))


def read_summary_examples(dataset_folder: Path, split: Split) -> SummaryExamples:
    """The rows of one part of a committed dataset that carry a reference line; DataError where none does."""
    import pyarrow.parquet as pq

    from apps.training.datasets.rows import labelled_emails_of

    mails = labelled_emails_of(pq.read_table(dataset_folder / TABLE, filters=[("split", "=", str(split))]))
    told = [mail for mail in mails if (mail.summary or "").strip()]
    if not told:
        raise DataError(
            f"{dataset_folder / TABLE}: no row of the part '{split}' has a reference summary",
            "name the column that holds one as 'summary' in the recipe of the corpus, and build the dataset again",
        )
    return SummaryExamples(tuple(mail.email for mail in told), tuple((mail.summary,) for mail in told))


def read_aeslc(path: Path, split: str, annotated: bool = False) -> SummaryExamples:
    """The part ``train``, ``dev`` or ``test`` of the Annotated Enron Subject Line Corpus (Zhang & Tetreault 2019).

    The subject is what is to be told, so the e-mails have none; it is the reference that published figures are measured
    against. With ``annotated``, the references are the three lines that annotators wrote for each e-mail of dev and test.
    """
    import pyarrow.parquet as pq

    rows = pq.read_table(path, filters=[("split", "=", split)]).to_pylist()
    pairs = [
        (
            Email(message_id=row["email_id"], sender="", subject="", body=row["body"]),
            tuple(line for line in (row["annotations"] if annotated else [row["subject"]]) or () if line.strip()),
        )
        for row in rows
    ]
    told = [(email, lines) for email, lines in pairs if lines]
    return SummaryExamples(tuple(email for email, _ in told), tuple(lines for _, lines in told))
