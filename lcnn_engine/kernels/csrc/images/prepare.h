/* An image in memory -> a network's input, as a model's preprocessing says (MODEL_FORMAT.md, "preprocessing"), for
 * programs without Python. Pillow's filters give the same 8 bits as Pillow up to 12, which goes over the rows first,
 * then over the columns; Pillow 13 turns that round where the height shrinks much more, and may be a grey or two off.
 * TensorFlow's give what images/resizing.py gives, but for the order of sums. */
#ifndef LCNN_PREPARE_H
#define LCNN_PREPARE_H

#include <stddef.h>
#include <stdint.h>

/* What a program that includes these sources into one of its own says before their functions: static. */
#ifndef LCNN_PART
#define LCNN_PART
#endif

typedef enum { LCNN_EXACT, LCNN_SHORTEST_EDGE, LCNN_CROP_TO_ASPECT_RATIO } lcnn_policy;

/* Pillow's, whose results are rounded to 8 bits; then TensorFlow's. LCNN_NO_RESIZE: images have their size already. */
typedef enum {
    LCNN_NO_RESIZE,
    LCNN_PILLOW_NEAREST,
    LCNN_PILLOW_BOX,
    LCNN_PILLOW_BILINEAR,
    LCNN_PILLOW_HAMMING,
    LCNN_PILLOW_BICUBIC,
    LCNN_PILLOW_LANCZOS,
    LCNN_TF_NEAREST,
    LCNN_TF_BILINEAR,
    LCNN_TF_BICUBIC,
    LCNN_TF_AREA,
    LCNN_TF_TRIANGLE,
    LCNN_TF_KEYSCUBIC,
    LCNN_TF_LANCZOS3,
    LCNN_TF_LANCZOS5
} lcnn_resample;

typedef struct {
    lcnn_resample resample;
    lcnn_policy policy;
    int64_t resized_height, resized_width; /* of shortest_edge both are that edge */
    int antialias, crop;                   /* 0 or 1 */
    int64_t height, width, channels;       /* of the input; channels 1 (grey) or 3 (RGB) */
    float scale, mean[3], std[3];
} lcnn_preprocessing;

/* Bytes of memory that lcnn_prepare needs for an image, or 0 where it takes no such image: one of no pixels or of over
 * 2^27, before or after it is resized; one that is smaller than the crop; without a resize, one of another size. */
LCNN_PART size_t lcnn_prepare_size(const lcnn_preprocessing *how, int64_t height, int64_t width);

/* IN pixels (height, width, channels), 8 bits, of 1 (grey), 3 (RGB) or 4 channels (RGB and alpha, which is dropped).
 * OUT input (H, W, C). `memory`, on 8 bytes, has lcnn_prepare_size bytes, which must not be 0. */
LCNN_PART void lcnn_prepare(const lcnn_preprocessing *how, const uint8_t *pixels, int64_t height, int64_t width,
                            int channels, void *memory, float *input);

#endif
