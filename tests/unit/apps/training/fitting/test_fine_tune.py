from pathlib import Path

from apps.training.fitting.checkpoints import Progress, read_progress, write_progress


def test_progress_counts_evaluations_since_the_best() -> None:
    progress = Progress().started()
    seen = []
    for step, score in enumerate([0.5, 0.5, 0.4, 0.6], 1):
        progress = progress.after(step, score)
        seen.append(progress.stale)
    assert seen == [0, 1, 2, 0]
    assert (progress.best, progress.step, progress.starts) == (0.6, 4, (0,))


def test_progress_is_read_back_and_told_where_it_went_on(tmp_path: Path) -> None:
    write_progress(tmp_path, Progress().started().after(7, 0.25))
    assert read_progress(tmp_path).started().starts == (0, 7)
