"""cNMF (Kotliar et al. 2019): consensus of many starts, through `non_negative_factorization` that it has imported."""

from types import SimpleNamespace

import numpy as np
import pytest

from .conftest import cosines

CELLS, GENES, K, REPLICATES = 200, 600, 5, 10


@pytest.fixture
def cnmf(package, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    return package("cnmf")


@pytest.fixture
def counts(package, tmp_path):
    """A file of counts: each cell a mixture of a few of the programs of genes."""
    rng = np.random.default_rng(0)
    programs = rng.gamma(0.3, size=(K, GENES))
    means = rng.dirichlet(np.full(K, 0.3), CELLS) @ (programs / programs.sum(axis=1, keepdims=True))
    cells = package("anndata").AnnData(rng.poisson(3000 * means).astype(np.float64))
    cells.write_h5ad(tmp_path / "counts.h5ad")
    return str(tmp_path / "counts.h5ad")


@pytest.mark.parametrize("densify", [False, True], ids=["sparse", "dense"])
def test_whole_analysis(cnmf, counts, densify, tmp_path, beside):
    """Its five steps, with what it asks for by default."""

    def analysis(name):
        analysis = cnmf.cNMF(output_dir=str(tmp_path), name=name)
        analysis.prepare(counts, [K], n_iter=REPLICATES, seed=14, num_highvar_genes=300, densify=densify)
        analysis.factorize()
        analysis.combine()
        analysis.consensus(K, close_clustergram_fig=True)
        consensus = cnmf.load_df_from_npz(analysis.paths["consensus_spectra"] % (K, "0_5"))
        usages, scores, spectra_tpm, _ = analysis.load_results(K, 0.5)
        return SimpleNamespace(consensus=consensus, usages=usages, scores=scores, tpm=spectra_tpm)

    theirs, ours = beside(analysis)
    assert cosines(ours.consensus, theirs.consensus).min() > 0.999
    assert cosines(ours.usages.T, theirs.usages.T).min() > 0.999
    assert cosines(ours.tpm.T, theirs.tpm.T).min() > 0.999
    assert cosines(ours.scores.T, theirs.scores.T).min() > 0.99
    assert list(ours.tpm.index) == list(theirs.tpm.index)


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito"])
def test_other_losses(cnmf, counts, loss, tmp_path, beside):
    """`beta_loss` takes solver="mu"; dense, where Itakura-Saito needs X > 0, which counts are not."""

    def analysis(name):
        analysis = cnmf.cNMF(output_dir=str(tmp_path), name=name)
        analysis.prepare(counts, [K], n_iter=3, seed=14, num_highvar_genes=300, beta_loss=loss, max_NMF_iter=3000)
        try:
            analysis.factorize()
        except ValueError as error:
            return error
        analysis.combine()
        return analysis.consensus(K, density_threshold=2, skip_density_and_return_after_stats=True).stats

    theirs, ours = beside(analysis)
    if loss == "itakura-saito":
        assert isinstance(theirs, ValueError) and isinstance(ours, ValueError)
    else:
        assert ours.prediction_error == pytest.approx(theirs.prediction_error, rel=0.01)


def test_replicates_differ_and_repeat(cnmf, counts, tmp_path):
    """Seeds from its table of replicates reach the starts."""
    import nmfcore

    spectra = []
    for name in ("first", "second"):
        analysis = cnmf.cNMF(output_dir=str(tmp_path), name=name)
        analysis.prepare(counts, [K], n_iter=2, seed=3, num_highvar_genes=300)
        with nmfcore.patch_sklearn() as patch:
            assert "cnmf.cnmf.non_negative_factorization" in patch.replaced
            analysis.factorize()
        spectra.append([cnmf.load_df_from_npz(analysis.paths["iter_spectra"] % (K, i)).to_numpy() for i in (0, 1)])
    np.testing.assert_array_equal(spectra[0], spectra[1])
    assert not np.allclose(*spectra[0])
