"""How fast the transformer learns: Ray Train beside the same loop without it, and the recipe beside a plain loop.

Three arms, each run in a process of its own, in turns. `plain` is the product's loop (batches of like length, bf16 where the
CPU multiplies it itself, plain attention, frozen embeddings, dropout as configured) in one process; `ray` is the same under
Ray Train with one worker; `fixed` is what one writes first: fp32, every text padded to max_tokens, the encoder's own dropout,
all weights trained. Same e-mails, epochs, batch size, learning rate, seed and threads, which wait alike.

Each fold of --folds is one training an arm: a sample of --emails of the other folds of SpamAssassin (grouped by thread) is
learned, and at most 600 rows of the fold are judged, after the clock has stopped. --more pairs of `ray` and `plain` follow on
the first sample. Steady state is from the end of the 5th step to the end of the last: rows learned / seconds between, with
the checkpoint of each epoch but the last, for `plain` and `ray`. What comes before is start-up. Figures of speed are the
median, with the lowest and the highest. The difference in macro-F1 of `plain` and `fixed` is the mean over the folds; its 95 %
interval is of rows drawn again, in pairs. It is a loss where all of that lies below 0.

With --gpu the network learns on this machine's GPU in each arm, and the figures go to train_gpu.json.

python bench/train.py [--corpus FILE] [--emails 960] [--folds 0 1] [--more 1] [--gpu]; some 14 minutes on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.split import SplitRow, split_rows
from apps.training.fitting.checkpoints import Progress, write_progress
from apps.training.fitting.examples import Examples, stratified_sample
from apps.training.fitting.fine_tune import SCORE, Share, fine_tune
from apps.training.fitting.fit_transformer import prepare_lesson
from apps.training.fitting.fit_worker import learn
from apps.training.fitting.learner import Learner, build_classifier
from apps.training.fitting.lesson import Lesson, TokenRows
from apps.training.fitting.ray_train import WORKER_VARIABLES, run_config, scaling, train
from apps.training.fitting.schedule import learning_share
from apps.training.reading.ingest import open_source
from bench.recording import REPO, Figure, record, spread
from libs.common.config.loader import load_config
from libs.common.config.training import TransformerFamily
from libs.common.domain.triage import LabelledEmail
from libs.common.features.tokens import pad
from libs.common.stats.metrics import confusion, macro_f1
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
_SEED = 0
_JUDGED = 600
_WARM_UP_STEPS = 5
_ENOUGH_OF_PLAIN = 0.95
_ENOUGH_OF_FIXED = 2.0
_DRAWS = 1000

Array = NDArray[np.int64]


@dataclass(frozen=True)
class _Run:
    """When each step ended, in seconds since the process was started, and the class given to each row to judge."""

    ended: tuple[float, ...]
    answers: Array
    rows: int

    @property
    def start_up(self) -> float:
        return self.ended[0]

    @property
    def steady(self) -> float:
        """Rows a second; all steps have as many, but for one an epoch."""
        share = 1 - _WARM_UP_STEPS / len(self.ended)
        return share * self.rows / (self.ended[-1] - self.ended[_WARM_UP_STEPS - 1])


def main() -> int:
    """Measure the arms in turns, and write down the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=_SHARED / "spamassassin.parquet")
    parser.add_argument("--emails", type=int, default=960, help="how many are learned in a training")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1], help="which of five folds are judged")
    parser.add_argument("--more", type=int, default=1, help="pairs of Ray Train and the loop alone, beside those of the folds")
    parser.add_argument("--gpu", action="store_true", help="learn on a GPU of this machine")
    parser.add_argument("--arm", choices=list(_ARMS), help=argparse.SUPPRESS)  # a run, in its own process
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.arm:
        _ARMS[chosen.arm](_read_lesson(chosen.folder), chosen.folder)
        return 0
    if not chosen.corpus.is_file():
        parser.error(f"write a --corpus that exists: {chosen.corpus}")
    mails = _examples(chosen.corpus)
    lessons = {fold: _lesson(mails, fold, chosen.emails, chosen.gpu) for fold in chosen.folds}
    trained = {fold: _measure(("fixed", "plain", "ray"), lesson, f"fold {fold}") for fold, lesson in lessons.items()}
    first = lessons[chosen.folds[0]]
    more = [_measure(("ray", "plain"), first, f"pair {number + 1}") for number in range(chosen.more)]
    figures = {**_ray_figures([*trained.values(), *more]), **_recipe_figures(trained, lessons)}
    print(record("train_gpu", figures, gpu=_gpu()) if chosen.gpu else record("train", figures))
    return 0


def _examples(corpus: Path) -> Examples:
    """The corpus in five folds; mails of one thread share a fold."""
    with TemporaryDirectory(prefix="triage-bench-") as landing:
        source = open_source(str(corpus), "spamassassin", Path(landing))
        mails = [mail for stretch in source.stretches for mail in stretch.read() if isinstance(mail, LabelledEmail)]
    keys = [f"{number:06d}" for number in range(len(mails))]
    rows = [SplitRow(key, mail.label, mail.email.thread_id or key) for key, mail in zip(keys, mails, strict=True)]
    folds = [part.fold for part in map(split_rows(rows, 0.2, 5, _SEED, "random").__getitem__, keys)]
    return Examples(tuple(mail.email for mail in mails), tuple(mail.label for mail in mails), tuple(folds))


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name()


def _lesson(mails: Examples, fold: int, emails: int, gpu: bool) -> Lesson:
    folds = np.array(mails.folds)
    taught, judged = mails.take(np.flatnonzero((folds >= 0) & (folds != fold))), mails.take(np.flatnonzero(folds == fold))
    options = load_config("local", REPO).training.families.transformer
    options = options.model_copy(update={"niceness": 0, "workers": 1, "use_gpu": gpu})
    taught = taught.take(stratified_sample(taught, emails, _SEED))
    return prepare_lesson(taught, judged.take(stratified_sample(judged, _JUDGED, _SEED)), options, _SEED)


def _measure(arms: Sequence[str], lesson: Lesson, what: str) -> dict[str, _Run]:
    found: dict[str, _Run] = {}
    for arm in arms:
        with TemporaryDirectory(prefix="triage-bench-") as scratch:
            _write_lesson(lesson, Path(scratch))
            began = time.monotonic()
            command = [sys.executable, __file__, "--arm", arm, "--folder", scratch]
            subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, **WORKER_VARIABLES})
            said = json.loads((Path(scratch) / "run.json").read_text())
        rows = len(lesson.learn) * lesson.options.epochs
        found[arm] = _Run(tuple(end - began for end in said["ended"]), np.array(said["answers"], dtype=np.int64), rows)
        print(f"{what} {arm}: {found[arm].steady:.1f} e-mails/s after {found[arm].start_up:.1f} s", file=sys.stderr, flush=True)
    return found


def _write_lesson(lesson: Lesson, folder: Path) -> None:
    said = {"labels": lesson.labels, "encoder": lesson.encoder, "options": lesson.options.model_dump(mode="json")}
    for name, rows in (("learn", lesson.learn), ("judge", lesson.judge)):
        said[name] = {"tokens": [row.tolist() for row in rows.tokens], "truth": rows.truth.tolist()}
    (folder / "lesson.json").write_text(json.dumps(said))


def _read_lesson(folder: Path) -> Lesson:
    said = json.loads((folder / "lesson.json").read_text())
    options = TransformerFamily.model_validate(said["options"])
    return Lesson(_rows(said["learn"]), _rows(said["judge"]), tuple(said["labels"]), said["encoder"], options, _SEED)


def _rows(said: dict[str, Any]) -> TokenRows:
    return TokenRows(tuple(np.array(row, dtype=np.int32) for row in said["tokens"]), np.array(said["truth"], dtype=np.int64))


def _plain(lesson: Lesson, folder: Path) -> None:
    import torch

    torch.set_num_threads(lesson.options.threads_per_worker)
    ended = _watched()
    unjudged, device = _unjudged(lesson), _device(lesson)
    learner = Learner(unjudged, build_classifier(unjudged).to(device), device)

    def keep(progress: Progress, _: dict[str, float]) -> None:
        learner.save(folder)
        write_progress(folder, progress)

    fine_tune(learner, unjudged, Share(), Progress(), keep)
    _write_run(folder, ended, learner.answers(lesson.judge))


def _ray(lesson: Lesson, folder: Path) -> None:
    import ray

    from apps.training.fitting.lean_trainer import LeanTrainer, by_torch

    start_ray()
    booked, run = scaling(1, lesson.options.use_gpu), run_config(folder, SCORE)
    trainer = LeanTrainer(partial(_learn_watched, lesson, folder), by_torch, booked, run)
    train(trainer, "the benchmark", folder)
    ray.shutdown()


def _learn_watched(lesson: Lesson, folder: Path) -> None:
    ended = _watched()
    learn(_unjudged(lesson))
    _write_run(folder, ended, np.empty(0, dtype=np.int64))


def _fixed(lesson: Lesson, folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    options = lesson.options
    torch.set_num_threads(options.threads_per_worker)
    torch.manual_seed(_SEED)
    ended = _watched()
    device = _device(lesson)
    model: Any = AutoModelForSequenceClassification.from_pretrained(lesson.encoder, num_labels=len(lesson.labels)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate)
    batches = [rows for _ in range(options.epochs) for rows in torch.randperm(len(lesson.learn)).split(options.batch_size)]
    model.train()
    for number, rows in enumerate(batches):
        ids, mask, truth = _padded(lesson.learn.take(rows.numpy()), options.max_tokens, device)
        torch.nn.functional.cross_entropy(model(input_ids=ids, attention_mask=mask).logits, truth).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = options.learning_rate * learning_share(number, len(batches))
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    answers: list[int] = []
    with torch.no_grad():
        for start in range(0, len(lesson.judge), 32):
            judged = lesson.judge.take(range(start, min(start + 32, len(lesson.judge))))
            ids, mask, _ = _padded(judged, options.max_tokens, device)
            answers += model(input_ids=ids, attention_mask=mask).logits.argmax(dim=1).tolist()
    _write_run(folder, ended, np.array(answers, dtype=np.int64))


_ARMS: dict[str, Callable[[Lesson, Path], None]] = {"plain": _plain, "ray": _ray, "fixed": _fixed}


def _unjudged(lesson: Lesson) -> Lesson:
    """Judging checkpoints is no part of what is compared; the rows are for the end."""
    return replace(lesson, judge=lesson.judge.take([]))


def _device(lesson: Lesson) -> Any:
    import torch

    return torch.device("cuda" if lesson.options.use_gpu else "cpu")


def _padded(rows: TokenRows, length: int, device: Any) -> tuple[Any, Any, Any]:
    """Token numbers and mask, (n, length) each, and the classes, as tensors."""
    import torch

    ids, mask = (np.pad(part, ((0, 0), (0, length - part.shape[1]))) for part in pad([row.tolist() for row in rows.tokens]))
    whole, shown, truth = (torch.from_numpy(part).to(device) for part in (ids, mask, rows.truth))
    return whole, shown, truth


def _watched() -> list[float]:
    """When each step of any optimizer of this process ends, from now on, by the machine's own clock."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    ended: list[float] = []

    def note(*_: Any) -> None:
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()  # until now it was only asked for
        ended.append(time.monotonic())

    register_optimizer_step_post_hook(note)
    return ended


def _write_run(folder: Path, ended: list[float], answers: Array) -> None:
    (folder / "run.json").write_text(json.dumps({"ended": ended, "answers": answers.tolist()}))


def _ray_figures(paired: Sequence[dict[str, _Run]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for arm in ("plain", "ray"):
        figures[f"{arm}_steady"] = spread([runs[arm].steady for runs in paired], "e-mails/s", 1)
        figures[f"{arm}_start_up"] = spread([runs[arm].start_up for runs in paired], "s", 1)
    ratios = [runs["ray"].steady / runs["plain"].steady for runs in paired]
    holds = median(ratios) >= _ENOUGH_OF_PLAIN
    figures["ray_to_plain"] = spread(ratios, "ratio", 3, baseline="plain", goal=f">= {_ENOUGH_OF_PLAIN}", holds=holds)
    return figures


def _recipe_figures(trained: dict[int, dict[str, _Run]], lessons: dict[int, Lesson]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for arm, name in (("fixed", "fixed"), ("plain", "recipe")):
        figures[f"{name}_steady"] = spread([runs[arm].steady for runs in trained.values()], "e-mails/s", 1)
        scores = [_macro_f1(lessons[fold], runs[arm].answers) for fold, runs in trained.items()]
        figures[f"{name}_macro_f1"] = spread(scores, "macro-F1", 3)
    ratios = [runs["plain"].steady / runs["fixed"].steady for runs in trained.values()]
    holds = median(ratios) >= _ENOUGH_OF_FIXED
    figures["recipe_to_fixed"] = spread(ratios, "ratio", 2, baseline="fixed", goal=f">= {_ENOUGH_OF_FIXED}", holds=holds)
    gained, low, high = _gained(trained, lessons)
    no_loss = Figure(gained, "macro-F1", low, high, baseline="fixed", goal="the interval reaches 0", holds=high >= 0)
    return {**figures, "recipe_macro_f1_gained": no_loss}


def _gained(trained: dict[int, dict[str, _Run]], lessons: dict[int, Lesson]) -> tuple[float, float, float]:
    """The recipe's macro-F1 less that of `fixed`, mean over the folds, and its 95 % interval over rows drawn again in pairs."""
    generator = np.random.default_rng(_SEED)

    def difference(fold: int, rows: Array | None = None) -> float:
        runs, lesson = trained[fold], lessons[fold]
        return _macro_f1(lesson, runs["plain"].answers, rows) - _macro_f1(lesson, runs["fixed"].answers, rows)

    def drawn(fold: int) -> Array:
        return generator.integers(len(lessons[fold].judge), size=len(lessons[fold].judge))

    draws = [np.mean([difference(fold, drawn(fold)) for fold in trained]) for _ in range(_DRAWS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    gained = np.mean([difference(fold) for fold in trained])
    return round(float(gained), 3), round(float(low), 3), round(float(high), 3)


def _macro_f1(lesson: Lesson, answers: Array, rows: Array | None = None) -> float:
    chosen = slice(None) if rows is None else rows
    return float(macro_f1(confusion(lesson.judge.truth[chosen], answers[chosen], len(lesson.labels))))


if __name__ == "__main__":
    sys.exit(main())
