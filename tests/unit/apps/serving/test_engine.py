"""A model of two stages behind two queues: sure answers wait for nobody, the second stage is asked while there is room."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.serving.batcher import Batcher, BatchLimits
from apps.serving.engine import Engine, EngineRoom, StagedEngine, Stages
from apps.serving.loading import LoadedModel
from apps.serving.slot import Slot
from libs.common.domain.triage import Email, Escalated
from libs.common.errors import QueueFull
from libs.common.models.base import Probabilities, Staged
from libs.common.models.cascade import CascadeClassifier, Escalation
from tests.unit.apps.serving.fakes import LABELS, Classifier, loaded, mail, ref, settings
from tests.unit.apps.serving.test_batcher import until

LIMITS = BatchLimits(max_batch_size=8, queue_size=100, escalation_queue_size=2)
PATIENCE_S = 5.0
SURE = mail("0.05")


@dataclass
class Reads:
    """Reads the probability of the second label in the e-mail; waits for ``gate``, and remembers how it was asked."""

    bent: float = 0.0
    batch_size: int = 4
    holds_interpreter: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)
    family = "reads"
    labels = LABELS
    options: dict[str, Any] = field(default_factory=dict)

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        self.batches.append(len(emails))
        assert self.gate.wait(10)
        if any(email.body == "poison" for email in emails):
            raise ValueError("cannot read this")
        second = [self.bent * (1 - float(email.body)) + (1 - self.bent) * float(email.body) for email in emails]
        return np.array([[1 - one, one] for one in second])


def cascade(light: Any = None) -> CascadeClassifier:
    """The second stage waits for its gate."""
    return CascadeClassifier(light or opened_reader(), Reads(bent=0.9, batch_size=2), Escalation(0.8, 0.75, 0.1, 0.99))


def opened_reader() -> Reads:
    reader = Reads()
    reader.gate.set()
    return reader


def heavy_of(both: CascadeClassifier) -> Reads:
    assert isinstance(both.heavy, Reads)
    return both.heavy


Opened = Callable[..., Engine]


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """Engines, whose gates are opened at the end."""
    models: list[CascadeClassifier] = []

    def open_one(both: CascadeClassifier, limits: BatchLimits = LIMITS) -> Engine:
        models.append(both)
        return EngineRoom(limits).open(LoadedModel(ref("1"), both, 10))

    yield open_one
    for both in models:
        heavy_of(both).gate.set()


def in_time() -> float:
    return asyncio.get_running_loop().time() + PATIENCE_S


def test_a_cascade_is_staged_and_nothing_else_is() -> None:
    assert isinstance(cascade(), Staged)
    assert not isinstance(Classifier(), Staged)


async def test_a_sure_answer_does_not_wait_for_the_second_stage(opened: Opened) -> None:
    both = cascade()
    engine = opened(both)
    unsure = asyncio.create_task(engine.predict(mail("0.45"), in_time()))
    await until(lambda: heavy_of(both).batches == [1])
    sure = await engine.predict(SURE, in_time())
    assert (sure.label, sure.escalation) == ("spam", Escalated.NONE)
    assert not unsure.done()
    heavy_of(both).gate.set()
    assert (await unsure).escalation is Escalated.DONE


async def test_apart_both_stages_say_what_they_say_together(opened: Opened) -> None:
    both = cascade()
    heavy_of(both).gate.set()
    engine = opened(both, BatchLimits(max_batch_size=8, queue_size=100, escalation_queue_size=100))
    mails = [mail(str(random.Random(seed).random())) for seed in range(60)]
    found = await asyncio.gather(*(engine.predict(one, in_time()) for one in mails))
    alone = [both.predict([one])[0].tolist() for one in mails]
    assert [list(prediction.probabilities.values()) for prediction in found] == alone
    assert [prediction.escalation is Escalated.DONE for prediction in found] == both.escalated(mails).tolist()
    assert {prediction.escalation for prediction in found} == {Escalated.NONE, Escalated.DONE}


async def test_where_the_second_queue_is_full_the_light_model_answers_and_says_so(opened: Opened) -> None:
    both = cascade()
    engine = opened(both)
    asked = [asyncio.create_task(engine.predict(mail("0.45"), in_time()))]
    await until(lambda: heavy_of(both).batches == [1])
    asked += [asyncio.create_task(engine.predict(mail("0.45"), in_time())) for _ in range(2)]
    await until(lambda: engine.depth == 2)
    shed = await engine.predict(mail("0.45"), in_time())
    assert shed.escalation is Escalated.SHED
    assert list(shed.probabilities.values()) == both.light.predict([mail("0.45")])[0].tolist()
    heavy_of(both).gate.set()
    assert [(await task).escalation for task in asked] == [Escalated.DONE] * 3
    assert shed.label != (await asked[0]).label  # the second stage would have said otherwise


async def test_before_the_deadline_the_light_model_answers_and_the_place_is_free(opened: Opened) -> None:
    both = cascade()
    engine = opened(both)
    running = asyncio.create_task(engine.predict(mail("0.45"), in_time()))
    await until(lambda: heavy_of(both).batches == [1])
    deadline = asyncio.get_running_loop().time() + 0.1
    async with asyncio.timeout_at(deadline):
        late = await engine.predict(mail("0.45"), deadline)
    assert late.escalation is Escalated.SHED
    assert engine.depth == 0
    heavy_of(both).gate.set()
    assert (await running).escalation is Escalated.DONE
    assert heavy_of(both).batches == [1]  # what was given up is not computed


async def test_who_could_not_be_asked_before_the_deadline_does_not_begin_to_wait() -> None:
    both = cascade()
    stages = Stages(LABELS, both)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        deep = Batcher(stages.look_again, second, BatchLimits(max_batch_size=1, queue_size=10))
        engine = StagedEngine(Batcher(stages.look, first, LIMITS), deep)
        slow = asyncio.create_task(engine.predict(mail("0.45"), in_time()))
        await until(lambda: heavy_of(both).batches == [1])
        await asyncio.sleep(0.5)  # the pace that is learned is at least this
        heavy_of(both).gate.set()
        await slow
        heavy_of(both).gate.clear()
        asked = [asyncio.create_task(engine.predict(mail("0.45"), in_time())) for _ in range(2)]
        await until(lambda: deep.depth == 1)
        late = asyncio.create_task(engine.predict(mail("0.45"), asyncio.get_running_loop().time() + 0.4))
        depths: set[int] = set()
        while not late.done():
            depths.add(deep.depth)
            await asyncio.sleep(0)
        heavy_of(both).gate.set()
        assert late.result().escalation is Escalated.SHED
        assert depths == {1}
        assert [(await task).escalation for task in asked] == [Escalated.DONE] * 2


async def test_a_caller_that_leaves_frees_its_place_in_the_second_queue(opened: Opened) -> None:
    both = cascade()
    engine = opened(both)
    running = asyncio.create_task(engine.predict(mail("0.45"), in_time()))
    await until(lambda: heavy_of(both).batches == [1])
    gone = [asyncio.create_task(engine.predict(mail("0.45"), in_time())) for _ in range(2)]
    await until(lambda: engine.depth == 2)
    for task in gone:
        task.cancel()
    await until(lambda: all(task.cancelled() for task in gone))
    assert engine.depth == 0
    heavy_of(both).gate.set()
    assert (await running).escalation is Escalated.DONE


async def test_the_first_queue_still_refuses_at_once(opened: Opened) -> None:
    light = Reads()
    engine = opened(cascade(light), BatchLimits(max_batch_size=1, queue_size=1))
    asked = [asyncio.create_task(engine.predict(SURE, in_time()))]
    await until(lambda: light.batches == [1])
    asked.append(asyncio.create_task(engine.predict(SURE, in_time())))
    await until(lambda: engine.depth == 1)
    with pytest.raises(QueueFull):
        await engine.predict(SURE, in_time())
    light.gate.set()
    await asyncio.gather(*asked)


async def test_what_the_second_stage_cannot_read_is_an_error_of_its_own_caller(opened: Opened) -> None:
    both = cascade(light=Classifier())  # says 0.75 and 0.25 of everything
    heavy_of(both).gate.set()
    engine = opened(both, BatchLimits(max_batch_size=8, queue_size=100, escalation_queue_size=8))
    texts = ("0.45", "poison", "0.4")
    found = await asyncio.gather(*(engine.predict(mail(text), in_time()) for text in texts), return_exceptions=True)
    assert isinstance(found[1], ValueError)
    assert [getattr(each, "escalation", None) for each in found] == [Escalated.DONE, None, Escalated.DONE]


@pytest.mark.parametrize(("likes", "allowed", "largest"), [(4, 32, 4), (32, 4, 4)])
async def test_a_batch_is_as_large_as_the_model_likes_within_the_limit(likes: int, allowed: int, largest: int) -> None:
    sizes: list[int] = []
    model = Classifier()
    model.batch_size = likes
    engine = EngineRoom(BatchLimits(max_batch_size=allowed, queue_size=100), sizes.append).open(loaded("1", classifier=model))
    await asyncio.gather(*(engine.predict(mail(str(number)), in_time()) for number in range(10)))
    assert max(sizes) == largest
    assert sum(sizes) == 10


@pytest.mark.parametrize(
    ("holds_interpreter", "text", "in_place"), [(True, "hello", True), (True, "hello " * 7_000, False), (False, "hello", False)]
)
async def test_short_mails_of_a_model_in_python_are_computed_in_the_loop(
    holds_interpreter: bool, text: str, in_place: bool
) -> None:
    found: list[bool] = []
    model = Classifier(before=lambda emails: found.append(threading.current_thread() is threading.main_thread()))
    model.holds_interpreter = holds_interpreter
    engine = EngineRoom(BatchLimits(max_batch_size=4, queue_size=100)).open(loaded("1", classifier=model))
    assert (await engine.predict(mail(text), in_time())).label == "spam"
    assert found == [in_place]


async def test_a_slot_has_the_same_two_stages(tmp_path: Path) -> None:
    both = cascade()
    slot = Slot(ref("2"), settings(tmp_path, candidate_timeout_s=0.1), lambda wanted, _: LoadedModel(wanted, both, 10))
    assert (await slot.predict("digest-2", mail("0.45"))).escalation is Escalated.SHED
    heavy_of(both).gate.set()
    assert (await slot.predict("digest-2", SURE)).escalation is Escalated.NONE
