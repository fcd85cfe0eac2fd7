/* An image in memory becomes an input: images/ behind names that do not meet those of lcnn.h. */
#ifndef LCNN_PICTURES_H
#define LCNN_PICTURES_H

#include <stddef.h>
#include <stdint.h>

#include "library/reader.h"

/* lcnn_preprocessing of images/prepare.h, whose names are not for everybody. */
typedef struct {
    int is_there; /* or the model does not say how */
    int64_t resample, policy, resized_height, resized_width, antialias, crop;
    int64_t height, width, channels;
    float scale, mean[3], std[3];
} lcnn_picture_rule;

/* The rule for inputs of `shape`; the reader fails where it can make none. */
lcnn_picture_rule lcnn_next_rule(lcnn_reader *reader, const int64_t shape[3]);

/* Bytes of memory that lcnn_make_input needs, 7 of them for its alignment; 0: there is no such image. */
size_t lcnn_picture_size(const lcnn_picture_rule *rule, int64_t width, int64_t height);

/* Make an image of `channels` channels, 1, 3 or 4, an input. `memory` has lcnn_picture_size bytes at any address. */
void lcnn_make_input(const lcnn_picture_rule *rule, const uint8_t *pixels, int64_t width, int64_t height, int channels,
                     void *memory, float *input);

#endif
