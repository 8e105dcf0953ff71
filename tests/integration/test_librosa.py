"""librosa's `decompose`: a spectrogram into spectra of notes and their activations."""

import numpy as np
import pytest

import nmfcore

from .conftest import cosines

K = 4
RATE = 11025


@pytest.fixture
def librosa(package):
    return package("librosa")


@pytest.fixture
def notes(librosa):
    """The magnitudes of four notes with overtones, each for a second, and of chords of them; 257 x 120 or so."""
    seconds = np.arange(RATE) / RATE
    rng = np.random.default_rng(0)
    pitches = [220.0, 277.2, 329.6, 440.0 * 1.498]
    tones = [
        sum(np.sin(2 * np.pi * overtone * pitch * seconds) / overtone for overtone in (1, 2, 3)) for pitch in pitches
    ]
    played = [np.exp(-2 * seconds) * tone for tone in (*tones, tones[0] + tones[1], tones[2] + tones[3])]
    signal = np.concatenate(played) + 0.001 * rng.standard_normal(len(played) * RATE)
    return np.abs(librosa.stft(signal, n_fft=512))


def error(S, components, activations):
    return np.linalg.norm(S - components @ activations) / np.linalg.norm(S)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_default_transformer(librosa, notes, dtype, beside):
    S = notes.astype(dtype)
    options = {"n_components": K, "sort": True, "init": "nndsvda", "max_iter": 1000}
    theirs, ours = beside(lambda name: librosa.decompose.decompose(S, **options))
    assert [array.shape for array in ours] == [array.shape for array in theirs] == [(257, K), (K, S.shape[1])]
    assert [array.dtype for array in ours] == [array.dtype for array in theirs]
    assert error(S, *ours) < error(S, *theirs) + 1e-3
    assert cosines(ours[0].T, theirs[0].T).min() > 0.99 and cosines(ours[1], theirs[1]).min() > 0.99


def test_transformer_object(librosa, notes):
    """`transformer=` takes the estimator without a patch, also to explain a second spectrogram (`fit=False`)."""
    nmf = pytest.importorskip("nmfcore.sklearn").NMF
    components, activations = librosa.decompose.decompose(notes, transformer=nmf(K, random_state=0))
    with nmfcore.patch_sklearn():
        patched = librosa.decompose.decompose(notes, n_components=K, random_state=0)
    np.testing.assert_array_equal(components, patched[0])
    np.testing.assert_array_equal(activations, patched[1])

    fitted = nmf(K, random_state=0)
    components, _ = librosa.decompose.decompose(notes, transformer=fitted)
    half = notes[:, ::2]
    again, activations = librosa.decompose.decompose(half, transformer=fitted, fit=False)
    np.testing.assert_array_equal(again, components)
    assert error(half, again, activations) < 1.1 * error(notes, *patched)


def test_channels(librosa, notes, beside):
    """More than two dimensions: it unrolls channels into features, in Fortran order."""
    S = np.stack([notes, 0.5 * notes[::-1]])
    theirs, ours = beside(lambda name: librosa.decompose.decompose(S, n_components=K, init="nndsvda", max_iter=1000))
    assert ours[0].shape == theirs[0].shape == (2, 257, K)
    errors = [np.linalg.norm(S - np.einsum("cfk,kt->cft", *found)) / np.linalg.norm(S) for found in (ours, theirs)]
    assert errors[0] < errors[1] + 1e-3
