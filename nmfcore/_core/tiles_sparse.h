/* Rows of a sparse matrix times a thin one, included by tiles.h once for each REAL and INDEX. B is padded: its rows
 * are `vectors` whole vectors. */

/* out = sum over p of x[p] * B[indices[p], :]. Nothing is prefetched: the rows of B are so narrow that the processor sees
 * the loads of many entries at once. */
NMF_INLINE void NAME2(gather_width)(const int width, const REAL *x, const INDEX *indices, ptrdiff_t n, const REAL *B,
                                    ptrdiff_t stride, REAL *out) {
    enum { LANES = NMF_LANES(REAL) };
    NAME(vec) sum[NMF_GATHER_VECTORS];
    for (int v = 0; v < width; v++) sum[v] = (NAME(vec)){0};
    for (ptrdiff_t p = 0; p < n; p++) {
        const REAL *row = B + (ptrdiff_t)indices[p] * stride;
        for (int v = 0; v < width; v++) sum[v] += x[p] * NAME(load)(row + v * LANES);
    }
    for (int v = 0; v < width; v++) NAME(store)(out + v * LANES, sum[v]);
}

static void NAME2(gather_row)(const REAL *x, const INDEX *indices, ptrdiff_t n, const REAL *B, ptrdiff_t vectors,
                              REAL *out) {
    enum { LANES = NMF_LANES(REAL), MOST = NMF_GATHER_VECTORS };
#define NMF_WIDTH(width) \
    case width: NAME2(gather_width)(width, x, indices, n, B, width * LANES, out); return
    switch (vectors) {
        NMF_WIDTH(1);
        NMF_WIDTH(2);
        NMF_WIDTH(3);
        NMF_WIDTH(4);
        NMF_WIDTH(5);
        NMF_WIDTH(6);
        NMF_WIDTH(7);
        NMF_WIDTH(8);
    }
#undef NMF_WIDTH
    ptrdiff_t v = 0, stride = vectors * LANES; /* only where a vector has one lane */
    for (; v + MOST <= vectors; v += MOST) NAME2(gather_width)(MOST, x, indices, n, B + v * LANES, stride, out + v * LANES);
    for (; v < vectors; v++) NAME2(gather_width)(1, x, indices, n, B + v * LANES, stride, out + v * LANES);
}

/* num = sum over p of (x[p] / v_p) B[indices[p], :] with v_p = <f, B[indices[p], :]>, x times scale. With `evaluate`
 * also the sum over p of x log(x / v) - x: the Kullback-Leibler half-step of a row, and its part of the objective. */
NMF_INLINE double NAME2(share_width)(const int width, const int evaluate, const REAL *x, const INDEX *indices,
                                     ptrdiff_t n, ptrdiff_t left, const REAL *B, const REAL *f, double scale, REAL *num) {
    enum { LANES = NMF_LANES(REAL), LINE = 64 / sizeof(REAL), BATCH = 16 };
    const REAL least = NMF_LEAST_MODEL(REAL);
    NAME(vec) sum[NMF_GATHER_VECTORS], own[NMF_GATHER_VECTORS];
    double total = 0, a[BATCH], y[BATCH];
    for (int v = 0; v < width; v++) own[v] = NAME(load)(f + v * LANES), sum[v] = (NAME(vec)){0};
    for (ptrdiff_t p = 0; p < n; p += BATCH) {
        int batch = n - p < BATCH ? (int)(n - p) : BATCH;
        for (int i = 0; i < batch; i++) {
            const REAL *row = B + (ptrdiff_t)indices[p + i] * width * LANES;
            if (p + i + NMF_GATHER_AHEAD < left) {
                const REAL *next = B + (ptrdiff_t)indices[p + i + NMF_GATHER_AHEAD] * width * LANES;
                for (int l = 0; l < width * LANES; l += LINE) NMF_PREFETCH(next + l);
            }
            NAME(vec) products = own[0] * NAME(load)(row);
            for (int v = 1; v < width; v++) products += own[v] * NAME(load)(row + v * LANES);
            REAL lanes[LANES], model;
            NAME(store)(lanes, products);
            for (int half = LANES / 2; half > 0; half /= 2)
                for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
            model = lanes[0] > least ? lanes[0] : least;
            REAL ratio = (REAL)scale * x[p + i] / model;
            for (int v = 0; v < width; v++) sum[v] += ratio * NAME(load)(row + v * LANES);
            if (evaluate) a[i] = scale * x[p + i], y[i] = ratio, total += lanes[0] > 0 || ratio == 0 ? 0 : HUGE_VAL;
        }
        if (evaluate) {
            for (int i = batch; i < BATCH; i++) a[i] = 0, y[i] = 1;
            for (int i = 0; i < BATCH; i++) a[i] = a[i] * nmf_log(y[i]) - a[i];
            for (int i = 0; i < BATCH; i++) total += a[i];
        }
    }
    for (int v = 0; v < width; v++) NAME(store)(num + v * LANES, sum[v]);
    return total;
}

/* The same for any number of vectors: a row of B is read twice, from the cache the second time. */
static double NAME2(share_wide)(int evaluate, const REAL *x, const INDEX *indices, ptrdiff_t n, const REAL *B,
                                ptrdiff_t size, const REAL *f, double scale, REAL *num) {
    const REAL least = NMF_LEAST_MODEL(REAL);
    double total = 0;
    memset(num, 0, (size_t)size * sizeof(REAL));
    for (ptrdiff_t p = 0; p < n; p++) {
        const REAL *row = B + (ptrdiff_t)indices[p] * size;
        REAL lanes[16] = {0}, model = 0;
        for (ptrdiff_t t = 0; t < size; t++) lanes[t & 15] += f[t] * row[t];
        for (int l = 0; l < 16; l++) model += lanes[l];
        int empty = !(model > 0);
        model = model > least ? model : least;
        REAL ratio = (REAL)scale * x[p] / model;
        for (ptrdiff_t t = 0; t < size; t++) num[t] += ratio * row[t];
        if (evaluate) total += !empty || ratio == 0 ? scale * x[p] * (nmf_log(ratio) - 1) : HUGE_VAL;
    }
    return total;
}

static double NAME2(share_row)(int evaluate, const REAL *x, const INDEX *indices, ptrdiff_t n, ptrdiff_t left,
                               const REAL *B, ptrdiff_t vectors, const REAL *f, double scale, REAL *num) {
#define NMF_WIDTH(width)                                                                             \
    case width:                                                                                      \
        return evaluate ? NAME2(share_width)(width, 1, x, indices, n, left, B, f, scale, num)        \
                        : NAME2(share_width)(width, 0, x, indices, n, left, B, f, scale, num)
    switch (vectors) {
        NMF_WIDTH(1);
        NMF_WIDTH(2);
        NMF_WIDTH(3);
        NMF_WIDTH(4);
        NMF_WIDTH(5);
        NMF_WIDTH(6);
        NMF_WIDTH(7);
        NMF_WIDTH(8);
    }
#undef NMF_WIDTH
    return NAME2(share_wide)(evaluate, x, indices, n, B, vectors * NMF_LANES(REAL), f, scale, num);
}
