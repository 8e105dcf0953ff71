"""Agreement of many fits, in plain NumPy."""

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform


def amari_distance(A: np.ndarray, B: np.ndarray) -> float:
    """The Amari distance of the components, in rows, of two fits (Wu et al. 2016, doi:10.1073/pnas.1521171113)."""
    k = len(A)
    correlations = np.abs(np.corrcoef(A, B)[:k, k:])
    return float(np.mean(1 - correlations.max(axis=0)) + np.mean(1 - correlations.max(axis=1))) / 2


def consensus(factors: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Share of the fits in which two samples have the same label (Brunet et al. 2004).

    The label of sample i is the component t with the largest W_it sum(H_t), or -1 if this is round-off.
    """
    amounts = [W * H.sum(axis=1) for W, H in factors]
    labels = [np.where(A.max(axis=1) > np.finfo(A.dtype).eps * A.max(), A.argmax(axis=1), -1) for A in amounts]
    return np.mean([label[:, None] == label for label in labels], axis=0)


def cophenetic(C: np.ndarray) -> float:
    """The cophenetic correlation: that of 1 - C and the heights at which pairs merge in average linkage."""
    distances = squareform(1 - C, checks=False)
    return float(np.corrcoef(distances, hierarchy.cophenet(hierarchy.average(distances)))[0, 1])


def dispersion(C: np.ndarray) -> float:
    """The dispersion, 1 if all entries are 0 or 1 (Kim & Park 2007, doi:10.1093/bioinformatics/btm134)."""
    return float(np.mean(4 * (C - 0.5) ** 2))


def silhouettes(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The silhouette of each row, by Euclidean distances (Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7)."""
    values = []
    for i, row in enumerate(rows):
        far = np.linalg.norm(rows - row, axis=1)
        own = (labels == labels[i]) & (np.arange(len(rows)) != i)
        b = min(far[labels == t].mean() for t in set(labels) - {labels[i]})
        values.append((b - far[own].mean()) / max(b, far[own].mean()) if own.any() else 0.0)
    return np.array(values)


def k_means(rows: np.ndarray, labels: np.ndarray, steps: int = 100) -> np.ndarray:
    """Labels after steps of Lloyd's algorithm from given labels."""
    for _ in range(steps):
        means = np.array([rows[labels == t].mean(axis=0) for t in range(labels.max() + 1)])
        labels = np.linalg.norm(rows[:, None] - means, axis=2).argmin(axis=1)
    return labels


def consensus_parts(parts: list[np.ndarray], first: int, threshold: float, share: float) -> np.ndarray:
    """The medians of the clusters of the rows of many H (Kotliar et al. 2019, doi:10.7554/eLife.43803).

    Lloyd's algorithm finds the clusters, from the rows of parts[first].
    """
    seeds = parts[first] / np.linalg.norm(parts[first], axis=1, keepdims=True)
    rows = np.vstack(parts)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    far = np.sort(np.linalg.norm(rows[:, None] - rows, axis=2), axis=1)
    neighbours = max(1, int(share * len(parts)))
    rows = rows[far[:, 1 : neighbours + 1].mean(axis=1) < threshold]
    labels = k_means(rows, np.linalg.norm(rows[:, None] - seeds, axis=2).argmin(axis=1))
    medians = np.array([np.median(rows[labels == t], axis=0) for t in range(len(seeds))])
    return medians / medians.sum(axis=1, keepdims=True)
