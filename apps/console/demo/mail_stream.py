"""The e-mails that the load sends, by part of the story: written to files beforehand, so that sending costs little."""

import json
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path

from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError
from libs.common.features.json_mail import email_from_json, email_to_json


class MailFolder:
    """One JSON-lines file a part. A part that runs out starts again, so a part is only ever fed back or judged as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Iterator[LabelledEmail]] = {}

    def write(self, part: str, mails: Iterable[LabelledEmail]) -> int:
        """Write the mails of one part and return how many there are."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"label": mail.label, "email": email_to_json(mail.email)}) + "\n" for mail in mails]
        unfinished = self._path(part).with_suffix(".unfinished")
        unfinished.write_text("".join(lines), encoding="utf-8")
        unfinished.replace(self._path(part))
        return len(lines)

    def read(self, part: str) -> list[LabelledEmail]:
        """The mails of one part, each with its number as its source; DataError where there are none."""
        path = self._path(part)
        if not path.exists() or not (lines := path.read_text(encoding="utf-8").splitlines()):
            raise DataError(f"{path}: there are no e-mails to send", "write the part first")
        return [_labelled(json.loads(line), f"{part}:{number}") for number, line in enumerate(lines, 1)]

    def endless(self, part: str) -> Iterator[LabelledEmail]:
        """The mails of one part, over and over; each call goes on where the last one stopped."""
        if part not in self._open:
            self._open[part] = cycle(self.read(part))
        return self._open[part]

    def _path(self, part: str) -> Path:
        return self._folder / f"{part}.jsonl"


def _labelled(fields: dict[str, object], where: str) -> LabelledEmail:
    label = fields.get("label")
    if not isinstance(label, str) or not label:
        raise DataError(f"{where}: there is no label", 'write {"label": "…", "email": {"subject": "…", "body": "…"}}')
    return LabelledEmail(email_from_json(fields.get("email")), label, where)
