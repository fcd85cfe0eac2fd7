#include "images/taps.h"

#include <math.h>

#define PI 3.14159265358979323846
#define TABLE 1024.0f /* TensorFlow's bicubic looks its weights up, at so many places between two pixels */

LCNN_PART int lcnn_is_rounded(lcnn_resample resample) { return resample <= LCNN_PILLOW_LANCZOS; }

static int64_t clip(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

/* ------------------------------------------------------------------------------------- Pillow's filters, in double */

static double sinc(double x) { return x == 0.0 ? 1.0 : sin(x * PI) / (x * PI); }

static double pillow_filter(lcnn_resample resample, double x)
{
    const double a = fabs(x);
    switch (resample) {
    case LCNN_PILLOW_BOX: return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case LCNN_PILLOW_BILINEAR: return a < 1.0 ? 1.0 - a : 0.0;
    case LCNN_PILLOW_HAMMING: return a >= 1.0 ? 0.0 : sinc(a) * (0.54 + 0.46 * cos(a * PI));
    case LCNN_PILLOW_BICUBIC:
        if (a < 1.0) return (1.5 * a - 2.5) * a * a + 1.0;
        return a < 2.0 ? ((-0.5 * a + 2.5) * a - 4.0) * a + 2.0 : 0.0;
    default: return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
    }
}

static double pillow_reach(lcnn_resample resample)
{
    switch (resample) {
    case LCNN_PILLOW_BOX: return 0.5;
    case LCNN_PILLOW_BILINEAR:
    case LCNN_PILLOW_HAMMING: return 1.0;
    case LCNN_PILLOW_BICUBIC: return 2.0;
    default: return 3.0;
    }
}

static void pillow_taps(lcnn_resample resample, int64_t length, int64_t resized, int64_t first, int64_t count,
                        lcnn_taps *taps)
{
    const double scale = (double)length / (double)resized, wider = scale < 1.0 ? 1.0 : scale;
    const double reach = pillow_reach(resample) * wider, inverse = 1.0 / wider;
    for (int64_t i = 0; i < count; i++) {
        const double center = ((double)(first + i) + 0.5) * scale;
        const int64_t begin = clip((int64_t)(center - reach + 0.5), 0, length);
        const int64_t end = clip((int64_t)(center + reach + 0.5), 0, length);
        double total = 0.0;
        for (int64_t t = 0; t < end - begin; t++) {
            taps->sums[t] = pillow_filter(resample, ((double)(t + begin) - center + 0.5) * inverse);
            total += taps->sums[t];
        }
        taps->spans[2 * i] = begin;
        taps->spans[2 * i + 1] = end - begin;
        for (int64_t t = 0; t < end - begin; t++) {
            const double share = (total != 0.0 ? taps->sums[t] / total : taps->sums[t]) * (1 << LCNN_TAP_BITS);
            taps->weights[i * taps->most + t].fixed = (int32_t)(share < 0.0 ? share - 0.5 : share + 0.5);
        }
    }
}

/* The pixel under each centre; places are added up, as Pillow adds them. */
static void pillow_nearest(int64_t length, int64_t resized, int64_t first, int64_t count, lcnn_taps *taps)
{
    const double scale = (double)length / (double)resized;
    double place = scale * 0.5;
    for (int64_t i = 0; i < first + count; i++, place += scale) {
        if (i < first) continue;
        taps->spans[2 * (i - first)] = clip((int64_t)place, 0, length - 1);
        taps->spans[2 * (i - first) + 1] = 1;
        taps->weights[(i - first) * taps->most].fixed = 1 << LCNN_TAP_BITS;
    }
}

/* --------------------------------------------------------------------------- TensorFlow's, in float, as it has them */

static float keyscubic(float x)
{
    if (x < 1.0f) return ((1.5f * x - 2.5f) * x) * x + 1.0f;
    return x < 2.0f ? ((-0.5f * x + 2.5f) * x - 4.0f) * x + 2.0f : 0.0f;
}

static float lanczos(float radius, float x)
{
    if (x <= 1e-3f) return 1.0f;
    if (x > radius) return 0.0f;
    const float angle = (float)PI * x;
    return radius * sinf(angle) * sinf(angle / radius) / (angle * angle);
}

static float tf_filter(lcnn_resample resample, float x)
{
    switch (resample) {
    case LCNN_TF_TRIANGLE: return x < 1.0f ? 1.0f - x : 0.0f;
    case LCNN_TF_KEYSCUBIC: return keyscubic(x);
    case LCNN_TF_LANCZOS3: return lanczos(3.0f, x);
    default: return lanczos(5.0f, x);
    }
}

static float tf_reach(lcnn_resample resample)
{
    switch (resample) {
    case LCNN_TF_TRIANGLE: return 1.0f;
    case LCNN_TF_KEYSCUBIC: return 2.0f;
    case LCNN_TF_LANCZOS3: return 3.0f;
    default: return 5.0f;
    }
}

/* Weights of one pixel, (count) from `begin` on, made to sum up to 1. */
static void tf_span(lcnn_taps *taps, int64_t pixel, int64_t begin, int64_t count)
{
    float total = 0.0f;
    for (int64_t t = 0; t < count; t++) total += (float)taps->sums[t];
    const float inverse = 1.0f / total;
    for (int64_t t = 0; t < count; t++) taps->weights[pixel * taps->most + t].real = (float)taps->sums[t] * inverse;
    taps->spans[2 * pixel] = begin;
    taps->spans[2 * pixel + 1] = count;
}

static void tf_kernel(lcnn_resample resample, int antialias, int64_t length, int64_t resized, int64_t first,
                      int64_t count, lcnn_taps *taps)
{
    const float inverse = 1.0f / ((float)resized / (float)length);
    const float wider = antialias && inverse > 1.0f ? inverse : 1.0f, reach = tf_reach(resample) * wider;
    for (int64_t i = 0; i < count; i++) {
        const float center = ((float)(first + i) + 0.5f) * inverse;
        const int64_t begin = clip((int64_t)ceilf(center - reach - 0.5f), 0, length - 1);
        const int64_t end = clip((int64_t)floorf(center + reach - 0.5f), 0, length - 1) + 1;
        for (int64_t t = 0; t < end - begin; t++)
            taps->sums[t] = tf_filter(resample, fabsf((float)(begin + t) + 0.5f - center) * (1.0f / wider));
        tf_span(taps, i, begin, end - begin);
    }
}

static void tf_bicubic(float scale, int64_t length, int64_t first, int64_t count, lcnn_taps *taps)
{
    for (int64_t i = 0; i < count; i++) {
        const float center = ((float)(first + i) + 0.5f) * scale - 0.5f, low = floorf(center);
        const float offset = rintf((center - low) * TABLE) / TABLE;
        const float distances[4] = {1.0f + offset, offset, 1.0f - offset, 2.0f - offset};
        const int64_t begin = clip((int64_t)low - 1, 0, length - 1), end = clip((int64_t)low + 3, 1, length);
        for (int64_t t = 0; t < end - begin; t++)
            taps->sums[t] = keyscubic(distances[clip(begin + t - ((int64_t)low - 1), 0, 3)]);
        tf_span(taps, i, begin, end - begin);
    }
}

static void tf_bilinear(float scale, int64_t length, int64_t first, int64_t count, lcnn_taps *taps)
{
    for (int64_t i = 0; i < count; i++) {
        const float center = ((float)(first + i) + 0.5f) * scale - 0.5f, low = floorf(center);
        const int64_t upper = clip((int64_t)ceilf(center), 0, length - 1), lower = clip((int64_t)low, 0, upper);
        const float share = center - low;
        lcnn_weight *weights = taps->weights + i * taps->most;
        taps->spans[2 * i] = lower;
        taps->spans[2 * i + 1] = upper > lower ? 2 : 1;
        weights[0].real = upper > lower ? 1.0f - share : 1.0f;
        if (upper > lower) weights[1].real = share;
    }
}

static void tf_nearest(float scale, int64_t length, int64_t first, int64_t count, lcnn_taps *taps)
{
    for (int64_t i = 0; i < count; i++) {
        taps->spans[2 * i] = clip((int64_t)floorf(((float)(first + i) + 0.5f) * scale), 0, length - 1);
        taps->spans[2 * i + 1] = 1;
        taps->weights[i * taps->most].real = 1.0f;
    }
}

/* Means of what a pixel covers, those at its ends by the part that is covered. */
static void tf_area(float scale, int64_t length, int64_t first, int64_t count, lcnn_taps *taps)
{
    for (int64_t i = 0; i < count; i++) {
        const float begin = (float)(first + i) * scale, end = (float)(first + i + 1) * scale;
        const int64_t low = clip((int64_t)floorf(begin), 0, length - 1),
                      stop = clip((int64_t)ceilf(end), low + 1, length);
        for (int64_t t = 0; t < stop - low; t++) {
            const float left = (float)(low + t), right = left + 1.0f;
            const int starts = left<begin, ends = right> end;
            const float covered = starts ? (ends ? scale : right - begin) : ends ? end - left : 1.0f;
            taps->weights[i * taps->most + t].real = covered / scale;
        }
        taps->spans[2 * i] = low;
        taps->spans[2 * i + 1] = stop - low;
    }
}

/* -------------------------------------------------------------------------------------------------------- whichever */

LCNN_PART int64_t lcnn_max_taps(lcnn_resample resample, int antialias, int64_t length, int64_t resized)
{
    const double scale = (double)length / (double)resized, wider = scale < 1.0 ? 1.0 : scale;
    switch (resample) {
    case LCNN_NO_RESIZE:
    case LCNN_PILLOW_NEAREST:
    case LCNN_TF_NEAREST: return 1;
    case LCNN_TF_BILINEAR: return 2;
    case LCNN_TF_BICUBIC: return 4;
    case LCNN_TF_AREA: return (int64_t)ceil(scale) + 2;
    case LCNN_TF_TRIANGLE:
    case LCNN_TF_KEYSCUBIC:
    case LCNN_TF_LANCZOS3:
    case LCNN_TF_LANCZOS5: return (int64_t)ceil(tf_reach(resample) * (antialias ? wider : 1.0)) * 2 + 3;
    default: return (int64_t)ceil(pillow_reach(resample) * wider) * 2 + 1;
    }
}

LCNN_PART void lcnn_find_taps(lcnn_resample resample, int antialias, int64_t length, int64_t resized, int64_t first,
                              int64_t count, lcnn_taps *taps)
{
    const float scale = (float)length / (float)resized;
    switch (resample) {
    case LCNN_NO_RESIZE:
    case LCNN_PILLOW_NEAREST: pillow_nearest(length, resized, first, count, taps); break;
    case LCNN_TF_NEAREST: tf_nearest(scale, length, first, count, taps); break;
    case LCNN_TF_BILINEAR: tf_bilinear(scale, length, first, count, taps); break;
    case LCNN_TF_BICUBIC: tf_bicubic(scale, length, first, count, taps); break;
    case LCNN_TF_AREA: tf_area(scale, length, first, count, taps); break;
    case LCNN_TF_TRIANGLE:
    case LCNN_TF_KEYSCUBIC:
    case LCNN_TF_LANCZOS3:
    case LCNN_TF_LANCZOS5: tf_kernel(resample, antialias, length, resized, first, count, taps); break;
    default: pillow_taps(resample, length, resized, first, count, taps);
    }
}
