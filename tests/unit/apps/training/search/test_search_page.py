from apps.training.search.search_page import search_page
from apps.training.search.trials import Course, Trial
from tests.unit.libs.common.domain.test_search import selection

TRIALS = (
    Trial(0, {"max_terms": 30000, "rate": 0.1}, (0.8, 0.9)),
    Trial(1, {"max_terms": 5000, "rate": 0.123456}, (0.9, 0.88)),
    Trial(2, {"max_terms": 9, "rate": 0.5}, (0.1,)),
    Trial(3, {"max_terms": 1, "rate": 0.5}, (), "no term <is> left"),
)
COURSE = Course(folds=2, generation=2, reduction=2)


def test_the_page_shows_history_importance_and_every_trial() -> None:
    found = selection((0.9, 0.88)).model_copy(update={"importance": {"rate": 0.7, "max_terms": 0.3}})
    page = search_page(found, TRIALS, COURSE)
    assert page.count("<svg ") == 2 and "importance of each option" in page and "the best so far" in page
    assert "<td>5000</td><td>0.1235</td><td>complete</td><td>2</td><td>0.8900</td>" in page
    assert "<td>stopped</td><td>1</td><td>0.1000</td>" in page
    assert "no term &lt;is&gt; left" in page and "+0.0400 over the configured options" in page
    assert search_page(found, TRIALS, COURSE) == page


def test_without_importance_the_page_says_why() -> None:
    assert "Too few trials" in search_page(selection((0.9, 0.88)), TRIALS, COURSE)
