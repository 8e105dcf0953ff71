/* Rows of the other factor in Newton's method, included by tiles.h once for each REAL. Everything but b is float64. */

/* v[i] = sum over t of f[t] b[terms[i], t] for n terms. */
static void NAME(model_terms)(const REAL *b, ptrdiff_t k, const int32_t *terms, ptrdiff_t n, const double *f, double *v) {
    enum { LANES = 8 };
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *row = b + terms[i] * k;
        double sum[LANES] = {0}, total = 0;
        ptrdiff_t t = 0;
        for (; t + LANES <= k; t += LANES)
            for (int l = 0; l < LANES; l++) sum[l] += f[t + l] * row[t + l];
        for (; t < k; t++) total += f[t] * row[t];
        for (int l = 0; l < LANES; l++) total += sum[l];
        v[i] = total;
    }
}

/* g[t] += sum over i of r[i] b[terms[i], t] for n terms. */
static void NAME(add_terms)(const REAL *restrict b, ptrdiff_t k, const int32_t *restrict terms, ptrdiff_t n,
                            const double *restrict r, double *restrict g) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *row = b + terms[i] * k;
        for (ptrdiff_t t = 0; t < k; t++) g[t] += r[i] * row[t];
    }
}

/* rows[i, s] = sqrt(h[i]) b[terms[i], set[s]] for n terms and the p coordinates of a set. */
static void NAME(weigh_terms)(const REAL *restrict b, ptrdiff_t k, const int32_t *restrict terms, ptrdiff_t n,
                              const double *restrict h, const int32_t *restrict set, ptrdiff_t p,
                              double *restrict rows) {
    for (ptrdiff_t i = 0; i < n; i++, rows += p) {
        const REAL *row = b + terms[i] * k;
        double root = sqrt(h[i]);
        for (ptrdiff_t s = 0; s < p; s++) rows[s] = root * row[set[s]];
    }
}
