"""What a replica is told follows from its model and the configuration."""

from pathlib import Path

from apps.serving.settings import Folders, replica_settings
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.domain.model import SUMMARIZER


def test_a_summarizer_may_take_longer_and_a_classifier_knows_how_long(tmp_path: Path) -> None:
    config, home = load_config("local"), Home(tmp_path)
    serving = config.model_serving
    classifier, summarizer = (
        replica_settings(model, serving, config.addresses(home), Folders.below(home), "aggressive")
        for model in (*config.platform.models, SUMMARIZER)
    )
    assert classifier.request_timeout_s == serving.replica.request_timeout.total_seconds()
    assert classifier.request_timeout_s < summarizer.request_timeout_s == classifier.summary_timeout_s
    assert classifier.longest_wait_s < summarizer.longest_wait_s
    assert classifier.candidate_timeout_s < summarizer.candidate_timeout_s
    assert classifier.result_cache_bytes == summarizer.result_cache_bytes > 0
    assert config.platform.all_models == (*config.platform.models, SUMMARIZER)
