"""hyperspy's `decomposition`: a spectrum image into spectra and maps."""

import numpy as np
import pytest

import nmfcore

from .conftest import cosines

K = 3


@pytest.fixture
def image(package):
    """A spectrum image of 12 x 10 pixels: Poisson counts of three overlapping spectra of 80 channels."""
    hyperspy = package("hyperspy.api")
    rng = np.random.default_rng(0)
    channels = np.arange(80)
    lines = [(12, 40), (28, 55), (18, 68)]
    spectra = np.array([sum(np.exp(-(((channels - line) / 3) ** 2)) for line in pair) for pair in lines]) + 0.02
    maps = rng.dirichlet(np.full(K, 0.3), (12, 10))
    return hyperspy.signals.Signal1D(rng.poisson(200 * maps @ spectra).astype(np.float64))


def decomposed(image, algorithm, **options):
    """(spectra, maps) that it has found, and what it returns."""
    returned = image.decomposition(algorithm=algorithm, return_info=True, print_info=False, **options)
    return image.learning_results.factors.T, image.learning_results.loadings.T, returned


def relative_error(image, spectra, loadings):
    X = image.data.reshape(-1, image.data.shape[-1])
    return np.linalg.norm(X - loadings.T @ spectra) / np.linalg.norm(X)


def agree(image, ours, theirs):
    assert ours[0].shape == theirs[0].shape == (K, 80) and ours[1].shape == theirs[1].shape == (K, 120)
    assert relative_error(image, *ours[:2]) < relative_error(image, *theirs[:2]) + 1e-3
    assert cosines(ours[0], theirs[0]).min() > 0.99 and cosines(ours[1], theirs[1]).min() > 0.99


def test_estimator_as_algorithm(image, record_property):
    """The way without a patch: `algorithm` is an object."""
    nmf = pytest.importorskip("nmfcore.sklearn").NMF
    theirs = decomposed(image, pytest.importorskip("sklearn.decomposition").NMF(K, random_state=0, max_iter=1000))
    model = nmf(K, random_state=0, max_iter=1000)
    ours = decomposed(image, model)
    assert ours[2] is model
    agree(image, ours, theirs)


def test_algorithm_by_name(image, beside):
    """`algorithm="NMF"` finds what scikit-learn has when it is called."""
    options = {"output_dimension": K, "random_state": 0, "max_iter": 1000}
    theirs, ours = beside(lambda name: decomposed(image, "NMF", **options))
    assert type(ours[2]) is pytest.importorskip("nmfcore.sklearn").NMF
    agree(image, ours, theirs)
    model = image.get_decomposition_model()
    assert model.data.shape == image.data.shape


def test_masks_and_reprojection(image, beside):
    """Masked pixels and channels are left out of the fit; all pixels are explained with `transform` afterwards."""
    signal_mask = np.zeros(80, bool)
    signal_mask[:4] = True
    navigation_mask = np.zeros((10, 12), bool)  # x first, as its axes are
    navigation_mask[0] = True
    options = {"output_dimension": K, "random_state": 0, "max_iter": 1000, "reproject": "navigation"}
    masks = {"signal_mask": signal_mask, "navigation_mask": navigation_mask}
    theirs, ours = beside(lambda name: decomposed(image, "NMF", **options, **masks))
    assert np.isnan(ours[0][:, :4]).all() and np.isfinite(ours[1]).all()
    assert cosines(ours[0][:, 4:], theirs[0][:, 4:]).min() > 0.99 and cosines(ours[1], theirs[1]).min() > 0.99


def test_poissonian_noise_and_pipelines(image):
    """Scaling for counts before, and a pipeline whose last step is the estimator."""
    pipeline = pytest.importorskip("sklearn.pipeline").make_pipeline
    scaler = pytest.importorskip("sklearn.preprocessing").MaxAbsScaler
    with nmfcore.patch_sklearn():
        from sklearn.decomposition import NMF
    model = pipeline(scaler(), NMF(K, random_state=0, max_iter=1000))
    spectra, maps, _ = decomposed(image, model, normalize_poissonian_noise=True)
    assert spectra.shape == (K, 80) and maps.shape == (K, 120)


def test_lazy(image, package, beside):
    """A signal in chunks goes through `partial_fit` of MiniBatchNMF."""
    package("dask")
    options = {"output_dimension": K, "random_state": 0, "init": "nndsvda", "print_info": False}

    def lazily(name):
        lazy = image.as_lazy()
        lazy.rechunk(nav_chunks=(5, 6))
        lazy.decomposition(algorithm="NMF", **options)
        return lazy.learning_results.factors.T, lazy.learning_results.loadings.T

    theirs, ours = beside(lazily)
    assert [array.shape for array in ours] == [array.shape for array in theirs] == [(K, 80), (K, 120)]
    assert relative_error(image, *ours) < relative_error(image, *theirs) + 0.02
