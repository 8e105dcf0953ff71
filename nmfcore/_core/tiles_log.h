/* Logarithms and first guesses of inverses, included by tiles.h: what AVX-512 has instructions for. */

#if defined(__AVX512F__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
#define NMF_GUESSES 1 /* inverses are guessed to 2^-14, and made exact by products */
NMF_INLINE __m512d guess_f64(__m512d y) { return _mm512_rcp14_pd(y); }
NMF_INLINE __m512 guess_f32(__m512 y) { return _mm512_rcp14_ps(y); }
NMF_INLINE __m512d larger_f64(__m512d a, __m512d b) { return _mm512_max_pd(a, b); } /* b where a or b is a NaN */
NMF_INLINE __m512 larger_f32(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
NMF_INLINE __m512d smaller_f64(__m512d a, __m512d b) { return _mm512_min_pd(a, b); }
NMF_INLINE __m512 smaller_f32(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
#else
#define NMF_GUESSES 0
#endif

/* The natural logarithm of a positive normal number to about two units in the last place, in a form that compilers
 * turn into vectors: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log m = 2 artanh((m - 1) / (m + 1)). Finite for 0. */
NMF_INLINE double nmf_log(double x) {
    int64_t bits, exponent, shifted;
    double m, e, s, z;
    memcpy(&bits, &x, 8);
    exponent = (bits - 0x3fe6a09e667f3bcd) & (int64_t)0xfff0000000000000;
    bits -= exponent;
    memcpy(&m, &bits, 8);
    shifted = 0x4330000000000000 | ((((uint64_t)exponent >> 52) + 0x800) & 0xfff); /* 2^52 + 2048 + e */
    memcpy(&e, &shifted, 8);
    e -= 0x1p52 + 2048;
    s = (m - 1) / (m + 1);
    z = s * s;
    return e * 0.693147180559945309417 +
           2 * s * (1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 +
                    z * (1.0 / 15 + z * (1.0 / 17 + z / 19)))))))));
}

/* x[j] <- log x[j] for n entries, a multiple of 8, to 2^-52 or two units in the last place, whichever is more. With
 * AVX-512 x = 2^e m with m in [1, 2), c is the middle of the sixteenth that m lies in, z = m / c - 1 is at the most
 * 1 / 33, and log x = e log 2 + log c + log(1 + z), the last of which is a polynomial that errs by 2^-56. */
NMF_INLINE void nmf_log_row(double *x, ptrdiff_t n) {
#if NMF_GUESSES
    const __m512d inverse[2] = {
        {32.0 / 33, 32.0 / 35, 32.0 / 37, 32.0 / 39, 32.0 / 41, 32.0 / 43, 32.0 / 45, 32.0 / 47},
        {32.0 / 49, 32.0 / 51, 32.0 / 53, 32.0 / 55, 32.0 / 57, 32.0 / 59, 32.0 / 61, 32.0 / 63}};
    const __m512d log_middle[2] = {
        {0.03077165866675366061, 0.08961215868968716384, 0.14518200984449784177, 0.19782574332991991505,
         0.24783616390458122208, 0.29546421289383589026, 0.34092658697059317214, 0.38441169891033206402},
        {0.42608439531090014292, 0.46608972992459923843, 0.50455601075239532522, 0.54159728243274442014,
         0.57731536503482365982, 0.61180154110599290699, 0.64513796137358464962, 0.67739882359180619632}};
    for (ptrdiff_t j = 0; j < n; j += 8) {
        __m512d y = _mm512_max_pd(_mm512_set1_pd(DBL_MIN), _mm512_loadu_pd(x + j)); /* finite for 0 */
        __m512d e = _mm512_getexp_pd(y), m = _mm512_getmant_pd(y, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
        __m512i sixteenth = _mm512_srli_epi64(_mm512_castpd_si512(m), 48);
        __m512d z = m * _mm512_permutex2var_pd(inverse[0], sixteenth, inverse[1]) - 1, z2 = z * z;
        __m512d high = (0.19999987739273986 * z - 0.25000000006615336) * z2 + (0.3333333333549286 * z - 0.49999999999999367);
        __m512d low = -0.1252438721952971 * z2 + (0.1430665699757008 * z - 0.16666646227537407);
        __m512d middle = _mm512_permutex2var_pd(log_middle[0], sixteenth, log_middle[1]);
        _mm512_storeu_pd(x + j, (e * 0.693147180559945309417 + middle) + (z + z2 * (high + z2 * z2 * low)));
    }
#else
    for (ptrdiff_t j = 0; j < n; j++) x[j] = nmf_log(x[j]);
#endif
}
