/* Rows of a sparse matrix times a thin one, included by tiles.h once for each REAL and INDEX. B is padded: its rows
 * are `vectors` whole vectors. */

/* out += sum over p of x[p] * B[indices[p], :], a row of B ahead of time into the cache; `left` >= n entries of indices
 * may be read. */
NMF_INLINE void NAME2(gather_width)(const int width, const REAL *x, const INDEX *indices, ptrdiff_t n, ptrdiff_t left,
                                    const REAL *B, ptrdiff_t stride, REAL *out) {
    enum { LANES = NMF_LANES(REAL), LINE = 64 / sizeof(REAL) };
    NAME(vec) sum[NMF_GATHER_VECTORS];
    for (int v = 0; v < width; v++) sum[v] = (NAME(vec)){0};
    for (ptrdiff_t p = 0; p < n; p++) {
        const REAL *row = B + (ptrdiff_t)indices[p] * stride;
        if (p + NMF_GATHER_AHEAD < left) {
            const REAL *next = B + (ptrdiff_t)indices[p + NMF_GATHER_AHEAD] * stride;
            for (int l = 0; l < width * LANES; l += LINE) NMF_PREFETCH(next + l);
        }
        for (int v = 0; v < width; v++) sum[v] += x[p] * NAME(load)(row + v * LANES);
    }
    for (int v = 0; v < width; v++) NAME(store)(out + v * LANES, sum[v]);
}

static void NAME2(gather_row)(const REAL *x, const INDEX *indices, ptrdiff_t n, ptrdiff_t left, const REAL *B,
                              ptrdiff_t vectors, REAL *out) {
    enum { LANES = NMF_LANES(REAL) };
    ptrdiff_t stride = vectors * LANES;
    for (; vectors >= NMF_GATHER_VECTORS; vectors -= NMF_GATHER_VECTORS) {
        NAME2(gather_width)(NMF_GATHER_VECTORS, x, indices, n, left, B, stride, out);
        B += NMF_GATHER_VECTORS * LANES;
        out += NMF_GATHER_VECTORS * LANES;
    }
    switch (vectors) {
    case 1: NAME2(gather_width)(1, x, indices, n, left, B, stride, out); break;
    case 2: NAME2(gather_width)(2, x, indices, n, left, B, stride, out); break;
    case 3: NAME2(gather_width)(3, x, indices, n, left, B, stride, out); break;
    case 4: NAME2(gather_width)(4, x, indices, n, left, B, stride, out); break;
    case 5: NAME2(gather_width)(5, x, indices, n, left, B, stride, out); break;
    case 6: NAME2(gather_width)(6, x, indices, n, left, B, stride, out); break;
    case 7: NAME2(gather_width)(7, x, indices, n, left, B, stride, out); break;
    }
}
