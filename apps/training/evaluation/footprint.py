"""What a model takes on a server: bytes of its files, and resident memory, measured in a process that does nothing else.

That process is this module run by itself: ``python -m apps.training.evaluation.footprint FOLDER EMAILS.json``.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from libs.common.config.home import REPO
from libs.common.domain.triage import Email
from libs.common.errors import ModelError
from libs.common.features.json_mail import email_from_json, email_to_json
from libs.common.models.artifact import load_classifier, load_summarizer, read_header, write_artifact
from libs.common.models.base import Classifier, Summarizer


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes on disk, and the bytes that loading and answering once add to a process, the libraries of the family included."""

    size_bytes: int
    memory_bytes: int


def footprint(model: Classifier | Summarizer, emails: Sequence[Email]) -> Footprint:
    """Measure what loading the model and answering to ``emails`` takes; ModelError where it cannot be loaded."""
    with TemporaryDirectory(prefix="triage-footprint-") as scratch:
        folder, mails = Path(scratch) / "model", Path(scratch) / "emails.json"
        write_artifact(folder, model, {})
        written = [email_to_json(email) for email in emails if email.subject.strip() or email.body.strip()]
        mails.write_text(json.dumps(written), "utf-8")
        command = [sys.executable, "-m", "apps.training.evaluation.footprint", str(folder), str(mails)]
        ran = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
        if ran.returncode:
            why = ran.stderr.strip().rpartition("\n")[2]
            raise ModelError(f"the {model.family} model cannot be read back: {why}", "see what its save writes")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return Footprint(size, int(ran.stdout))


def added_by(folder: Path, emails: Sequence[Email]) -> int:
    """Resident bytes that loading the artifact in ``folder`` and answering to ``emails`` add to this process."""
    import psutil

    process = psutil.Process()
    before = process.memory_info().rss
    answer = load_classifier(folder).predict if read_header(folder).labels else load_summarizer(folder).summarize
    answer(emails)
    return process.memory_info().rss - before


if __name__ == "__main__":
    print(added_by(Path(sys.argv[1]), [email_from_json(each) for each in json.loads(Path(sys.argv[2]).read_text("utf-8"))]))
