#include "images/prepare.h"

#include <string.h>

#include "images/taps.h"

#define MAX_PIXELS ((int64_t)1 << 27)

/* Where the image is read and what of the resized one is kept. */
typedef struct {
    int64_t top, left, height, width;      /* of the part of the image that is resized */
    int64_t resized_height, resized_width; /* of the result, as a whole */
    int64_t kept_top, kept_left;           /* of the input in it */
    int64_t first_row, rows;               /* of the part, that the kept rows are made of */
    int64_t down_taps, across_taps;        /* of a pixel, at most */
} geometry;

static int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Bytes in whole eights. */
static size_t eights(int64_t bytes) { return ((size_t)bytes + 7) / 8 * 8; }

/* Find what is resized to what; 0 where the image does not fit. */
static int find_geometry(const lcnn_preprocessing *how, int64_t height, int64_t width, geometry *g)
{
    if (height < 1 || width < 1 || height > MAX_PIXELS / width) return 0;
    *g = (geometry){0, 0, height, width, height, width, 0, 0, 0, 0, 1, 1};
    if (how->resample != LCNN_NO_RESIZE) {
        g->resized_height = how->resized_height;
        g->resized_width = how->resized_width;
    }
    if (how->resample != LCNN_NO_RESIZE && how->policy == LCNN_CROP_TO_ASPECT_RATIO) {
        g->height = max_i64(1, min_i64(height, width * how->resized_height / how->resized_width));
        g->width = max_i64(1, min_i64(width, height * how->resized_width / how->resized_height));
        g->top = (height - g->height) / 2;
        g->left = (width - g->width) / 2;
    } else if (how->resample != LCNN_NO_RESIZE && how->policy == LCNN_SHORTEST_EDGE) {
        const int64_t edge = how->resized_height, small = min_i64(height, width), large = max_i64(height, width);
        const int64_t scaled = (2 * edge * large + small) / (2 * small);
        g->resized_height = height <= width ? edge : scaled;
        g->resized_width = height <= width ? scaled : edge;
    }
    if (g->resized_height > MAX_PIXELS / g->resized_width) return 0;
    if (how->crop) {
        if (g->resized_height < how->height || g->resized_width < how->width) return 0;
        g->kept_top = (g->resized_height - how->height) / 2;
        g->kept_left = (g->resized_width - how->width) / 2;
    } else if (g->resized_height != how->height || g->resized_width != how->width) {
        return 0;
    }
    g->down_taps = lcnn_max_taps(how->resample, how->antialias, g->height, g->resized_height);
    g->across_taps = lcnn_max_taps(how->resample, how->antialias, g->width, g->resized_width);
    return 1;
}

typedef struct {
    lcnn_taps down, across;
    uint8_t *row; /* of the image, in the channels of the input */
    void *rows;   /* resized in width: uint8_t by Pillow's filters, else float; a ring of them */
} workspace;

/* Rows that the ring holds: all that one row of the result is made of. */
static size_t lay_out(const lcnn_preprocessing *how, const geometry *g, char *memory, workspace *w)
{
    const size_t number = lcnn_is_rounded(how->resample) ? sizeof(uint8_t) : sizeof(float);
    size_t at = 0;
    w->down = (lcnn_taps){g->down_taps, (int64_t *)(memory + at), NULL, NULL};
    at += eights(how->height * 2 * (int64_t)sizeof(int64_t));
    w->down.weights = (lcnn_weight *)(memory + at);
    at += eights(how->height * g->down_taps * (int64_t)sizeof(lcnn_weight));
    w->across = (lcnn_taps){g->across_taps, (int64_t *)(memory + at), NULL, NULL};
    at += eights(how->width * 2 * (int64_t)sizeof(int64_t));
    w->across.weights = (lcnn_weight *)(memory + at);
    at += eights(how->width * g->across_taps * (int64_t)sizeof(lcnn_weight));
    w->down.sums = w->across.sums = (double *)(memory + at);
    at += eights(max_i64(g->down_taps, g->across_taps) * (int64_t)sizeof(double));
    w->row = (uint8_t *)(memory + at);
    at += eights(g->width * how->channels);
    w->rows = memory + at;
    return at + eights(g->down_taps * how->width * how->channels * (int64_t)number);
}

LCNN_PART size_t lcnn_prepare_size(const lcnn_preprocessing *how, int64_t height, int64_t width)
{
    geometry g;
    workspace w;
    static char nothing[8]; /* addresses are computed and not used */
    return find_geometry(how, height, width, &g) ? lay_out(how, &g, nothing, &w) : 0;
}

/* A row in the channels of the input; grey as Pillow makes it (ITU-R 601-2). */
static void read_row(const uint8_t *pixels, int64_t width, int channels, int wanted, uint8_t *row)
{
    for (int64_t x = 0; x < width; x++, pixels += channels, row += wanted) {
        if (wanted == 3) {
            for (int c = 0; c < 3; c++) row[c] = pixels[channels == 1 ? 0 : c];
        } else if (channels == 1) {
            row[0] = pixels[0];
        } else {
            row[0] = (uint8_t)((pixels[0] * 19595u + pixels[1] * 38470u + pixels[2] * 7471u + 0x8000u) >> 16);
        }
    }
}

static uint8_t rounded_to_8_bits(int64_t sum)
{
    const int64_t value = sum >> LCNN_TAP_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row resized in width. */
static void resize_row(const lcnn_preprocessing *how, const lcnn_taps *across, const uint8_t *row, void *to)
{
    const int64_t channels = how->channels;
    for (int64_t x = 0; x < how->width; x++) {
        const int64_t first = across->spans[2 * x], count = across->spans[2 * x + 1];
        const lcnn_weight *weights = across->weights + x * across->most;
        for (int64_t c = 0; c < channels; c++) {
            const uint8_t *source = row + first * channels + c;
            if (lcnn_is_rounded(how->resample)) {
                int64_t sum = (int64_t)1 << (LCNN_TAP_BITS - 1);
                for (int64_t t = 0; t < count; t++) sum += weights[t].fixed * (int64_t)source[t * channels];
                ((uint8_t *)to)[x * channels + c] = rounded_to_8_bits(sum);
            } else {
                float sum = 0.0f;
                for (int64_t t = 0; t < count; t++) sum += weights[t].real * (float)source[t * channels];
                ((float *)to)[x * channels + c] = sum;
            }
        }
    }
}

/* One value of the result before it is normalised, from rows that are resized in width. */
static float resized_value(const lcnn_preprocessing *how, const lcnn_taps *down, const void *rows, int64_t y,
                           int64_t at)
{
    const int64_t first = down->spans[2 * y], count = down->spans[2 * y + 1], length = how->width * how->channels;
    const lcnn_weight *weights = down->weights + y * down->most;
    if (lcnn_is_rounded(how->resample)) {
        int64_t sum = (int64_t)1 << (LCNN_TAP_BITS - 1);
        for (int64_t t = 0; t < count; t++)
            sum += weights[t].fixed * (int64_t)((const uint8_t *)rows)[(first + t) % down->most * length + at];
        return (float)rounded_to_8_bits(sum);
    }
    float sum = 0.0f;
    for (int64_t t = 0; t < count; t++)
        sum += weights[t].real * ((const float *)rows)[(first + t) % down->most * length + at];
    return sum;
}

LCNN_PART void lcnn_prepare(const lcnn_preprocessing *how, const uint8_t *pixels, int64_t height, int64_t width,
                            int channels, void *memory, float *input)
{
    geometry g;
    workspace w;
    if (!find_geometry(how, height, width, &g)) return;
    lay_out(how, &g, memory, &w);
    lcnn_find_taps(how->resample, how->antialias, g.height, g.resized_height, g.kept_top, how->height, &w.down);
    lcnn_find_taps(how->resample, how->antialias, g.width, g.resized_width, g.kept_left, how->width, &w.across);
    const int64_t length = how->width * how->channels;
    const size_t number = lcnn_is_rounded(how->resample) ? sizeof(uint8_t) : sizeof(float);
    int64_t done = w.down.spans[0]; /* rows of the image before this one are in the ring, or not needed any more */
    for (int64_t y = 0; y < how->height; y++) {
        const int64_t first = w.down.spans[2 * y], stop = first + w.down.spans[2 * y + 1];
        for (done = max_i64(done, first); done < stop; done++) {
            read_row(pixels + ((g.top + done) * width + g.left) * channels, g.width, channels, (int)how->channels,
                     w.row);
            resize_row(how, &w.across, w.row, (char *)w.rows + (size_t)(done % w.down.most * length) * number);
        }
        for (int64_t i = 0; i < length; i++) {
            const int64_t c = i % how->channels;
            const float value = resized_value(how, &w.down, w.rows, y, i);
            input[y * length + i] = (value * how->scale - how->mean[c]) / how->std[c];
        }
    }
}
