"""scikit-learn's own tools around the estimator: texts, pipelines, searches over parameters."""

import numpy as np
import pytest

import nmfcore

from .corpus import TOPICS, texts

pytest.importorskip("sklearn")
pytest.importorskip("nmfcore.sklearn")

from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline


def text_pipeline(**options):
    from sklearn.decomposition import NMF

    nmf = NMF(4, random_state=0, **options)
    return Pipeline([("tfidf", TfidfVectorizer()), ("nmf", nmf), ("classify", LogisticRegression())])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_over_texts(beside, n_jobs):
    """Sparse X of a vectorizer, clones, parameters by name, scores, and processes that joblib starts."""
    documents, labels = texts()
    grid = {"nmf__n_components": [2, 4], "tfidf__sublinear_tf": [True, False]}

    def searched(name):
        search = GridSearchCV(text_pipeline(max_iter=500), grid, cv=3, n_jobs=n_jobs)
        return search.fit(documents, labels)

    theirs, ours = beside(searched)
    assert type(ours.best_estimator_["nmf"]).__module__.startswith("nmfcore")
    assert type(theirs.best_estimator_["nmf"]).__module__.startswith("sklearn")
    assert ours.best_params_["nmf__n_components"] == theirs.best_params_["nmf__n_components"] == 4
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=0, atol=0.05
    )
    assert ours.score(*texts(40, seed=1)) > 0.9


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_topics_of_texts(beside, loss):
    """Names of features go through, and each topic is one of those that the texts were made of."""
    documents, _ = texts()
    options = {"beta_loss": loss, "solver": "cd" if loss == "frobenius" else "mu", "max_iter": 1000}

    def fitted(name):
        pipeline = text_pipeline(**options)[:2].fit(documents)
        terms = pipeline["tfidf"].get_feature_names_out()
        best = [terms[np.argsort(-row)[:5]] for row in pipeline["nmf"].components_]
        return {frozenset(map(str, words)) for words in best}, list(pipeline.get_feature_names_out())

    (theirs, their_names), (ours, names) = beside(fitted)
    assert names == their_names == ["nmf0", "nmf1", "nmf2", "nmf3"]
    assert all(any(words <= {*topic} for topic in TOPICS.values()) for words in ours)
    assert len(ours) == len(theirs) == 4


def test_digits(beside):
    """Features for a classifier, dense X."""
    X, y = (array[::3] for array in load_digits(return_X_y=True))

    def scored(name):
        from sklearn.decomposition import NMF

        model = make_pipeline(NMF(16, init="nndsvda", max_iter=400), LogisticRegression(max_iter=2000))
        return cross_val_score(model, X, y, cv=3).mean()

    theirs, ours = beside(scored)
    assert ours > theirs - 0.02


def test_a_clone_of_ours_stays_ours():
    with nmfcore.patch_sklearn():
        pipeline = text_pipeline()
    assert type(clone(pipeline)["nmf"]) is type(pipeline["nmf"])
    assert type(pipeline["nmf"]).__module__.startswith("nmfcore")
