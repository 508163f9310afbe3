"""The loop of fine-tuning, on one worker's share of every step; it can go on from any checkpoint. Knows no Ray."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.training.fitting.batches import plan_steps
from apps.training.fitting.checkpoints import Progress
from apps.training.fitting.learner import Learner
from apps.training.fitting.lesson import Lesson
from apps.training.fitting.schedule import learning_share
from libs.common.stats.metrics import confusion, macro_f1

# What checkpoints are kept by.
SCORE = "macro_f1"

Keep = Callable[[Progress, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Share:
    """Which of how many workers this is."""

    rank: int = 0
    workers: int = 1


def fine_tune(learner: Learner, lesson: Lesson, share: Share, progress: Progress, keep: Keep) -> Progress:
    """Learn from ``progress`` on, to the end; ``keep`` is told at each epoch's end, and every ``checkpoint_steps`` within one.

    Ends after ``patience`` evaluations in a row that were no better than the best, where there is a patience.
    """
    import torch

    options = lesson.options
    steps = plan_steps(lesson.learn.tokens, options, lesson.seed, share.rank, share.workers)
    epoch = len(steps) // options.epochs
    patience = options.patience if len(lesson.judge) else 0
    losses: list[torch.Tensor] = []
    for number in range(progress.step, len(steps)):
        if 0 < patience <= progress.stale:
            break
        # What dropout leaves out is a function of the step, so that no generator's state need be kept for any worker.
        torch.manual_seed((lesson.seed * len(steps) + number) * share.workers + share.rank)
        losses.append(learner.step(steps[number], options.learning_rate * learning_share(number, len(steps))))
        done = number + 1
        if done % epoch % options.checkpoint_steps == 0:
            score = _score(learner, lesson, share)
            progress = progress.after(done, score)
            loss = float(torch.stack(losses).mean())
            keep(progress, {"step": done, "epoch": done / epoch, "loss": loss, SCORE: score})
            losses = []
    return progress


def _score(learner: Learner, lesson: Lesson, share: Share) -> float:
    """Macro-F1 on the rows to judge on, the same on every worker; 0 where there are none, so that all score alike."""
    import torch

    rows = lesson.judge.take(range(share.rank, len(lesson.judge), share.workers))
    counts = confusion(rows.truth, learner.answers(rows), len(lesson.labels))
    if share.workers > 1:
        summed = torch.from_numpy(counts).to(learner.device)
        torch.distributed.all_reduce(summed)
        counts = summed.cpu().numpy()
    return float(macro_f1(counts))
