"""textacy's `TopicModel`, which has imported NMF from scikit-learn."""

import numpy as np
import pytest

import nmfcore

from .conftest import cosines
from .corpus import TOPICS, texts

K = len(TOPICS)


@pytest.fixture
def tm(package):
    return package("textacy.tm")


@pytest.fixture
def matrix(package):
    """(documents x terms of counts, sparse, int32; the term of each column)."""
    documents = [text.split() for text in texts()[0]]
    counts, vocabulary = package("textacy.representations").build_doc_term_matrix(documents, tf_type="linear")
    return counts, {column: term for term, column in vocabulary.items()}


def words_of_topics(model, terms, n=5):
    return {frozenset(words) for _, words in model.top_topic_terms(terms, top_n=n)}


def test_topics(tm, matrix, beside):
    counts, terms = matrix

    def fitted(name):
        model = tm.TopicModel("nmf", n_topics=K, alpha_W=0.0)
        model.fit(counts)
        return model, model.get_doc_topic_matrix(counts, normalize=False)

    theirs, ours = beside(fitted)
    assert type(ours[0].model).__module__.startswith("nmfcore") and ours[0].n_topics == K
    assert cosines(ours[0].model.components_, theirs[0].model.components_).min() > 0.99
    assert cosines(ours[1].T, theirs[1].T).min() > 0.99
    assert words_of_topics(ours[0], terms) == words_of_topics(theirs[0], terms)
    for words in words_of_topics(ours[0], terms):
        assert any(words <= {*topic} for topic in TOPICS.values())
    documents = dict(ours[0].top_topic_docs(ours[1], top_n=3))
    assert len(documents) == K and all(len(best) == 3 for best in documents.values())


@pytest.mark.parametrize("options", [{}, {"alpha_W": 1e-4}], ids=["default", "weak"])
def test_penalties(tm, matrix, options, beside):
    """alpha_W=0.1 and l1_ratio=0.5, times the number of terms or texts; also with a penalty that leaves topics alive.

    Sweeps of scikit-learn lose a topic to any penalty here, since its start has columns of very different length.
    """
    counts, _ = matrix

    def fitted(name):
        model = tm.TopicModel("nmf", n_topics=K, **options)
        model.fit(counts)
        W, H = model.transform(counts), model.model.components_
        (m, n), alpha = counts.shape, options.get("alpha_W", 0.1)
        penalty = sum(size * alpha * (0.5 * F.sum() + 0.25 * np.sum(F**2)) for size, F in ((n, W), (m, H)))
        return 0.5 * np.sum((counts.toarray() - W @ H) ** 2) + penalty

    theirs, ours = beside(fitted)
    assert ours < theirs * 1.001


def test_models_are_taken_and_kept(tm, matrix, tmp_path):
    """It asks whether a model is an instance of scikit-learn's class, and ours says so, patched or not."""
    counts, terms = matrix
    model = tm.TopicModel(pytest.importorskip("nmfcore.sklearn").NMF(K, random_state=0))
    model.fit(counts)
    model.save(tmp_path / "model.pkl")
    loaded = tm.TopicModel.load(tmp_path / "model.pkl")
    with nmfcore.patch_sklearn():
        patched = tm.TopicModel.load(tmp_path / "model.pkl")
    for again in (loaded, patched):
        np.testing.assert_array_equal(again.transform(counts), model.transform(counts))
        assert words_of_topics(again, terms) == words_of_topics(model, terms)
