#include "library/pictures.h"

#define LCNN_PART static
#include "images/prepare.c"
#include "images/taps.c"

/* Of an edge: places between pixels are floats in TensorFlow's filters, exact to a quarter of a pixel up to here. */
#define MOST_PIXELS ((int64_t)1 << 20)

static lcnn_preprocessing preprocessing_of(const lcnn_picture_rule *rule)
{
    return (lcnn_preprocessing){
        .resample = (lcnn_resample)rule->resample,
        .policy = (lcnn_policy)rule->policy,
        .resized_height = rule->resized_height,
        .resized_width = rule->resized_width,
        .antialias = (int)rule->antialias,
        .crop = (int)rule->crop,
        .height = rule->height,
        .width = rule->width,
        .channels = rule->channels,
        .scale = rule->scale,
        .mean = {rule->mean[0], rule->mean[1], rule->mean[2]},
        .std = {rule->std[0], rule->std[1], rule->std[2]},
    };
}

lcnn_picture_rule lcnn_next_rule(lcnn_reader *reader, const int64_t shape[3])
{
    lcnn_picture_rule rule = {.height = shape[0], .width = shape[1], .channels = shape[2]};
    rule.is_there = (int)lcnn_next_int(reader, 0, 1);
    if (!rule.is_there) return rule;
    rule.resample = lcnn_next_int(reader, LCNN_NO_RESIZE, LCNN_TF_LANCZOS5);
    rule.policy = lcnn_next_int(reader, LCNN_EXACT, LCNN_CROP_TO_ASPECT_RATIO);
    const int64_t least = rule.resample == LCNN_NO_RESIZE ? 0 : 1;
    rule.resized_height = lcnn_next_int(reader, least, MOST_PIXELS);
    rule.resized_width = lcnn_next_int(reader, least, MOST_PIXELS);
    rule.antialias = lcnn_next_int(reader, 0, 1);
    rule.crop = lcnn_next_int(reader, 0, 1);
    rule.scale = lcnn_next_float(reader);
    for (int c = 0; c < 3; c++) rule.mean[c] = lcnn_next_float(reader);
    for (int c = 0; c < 3; c++) rule.std[c] = lcnn_next_float(reader);
    if (rule.channels != 1 && rule.channels != 3) reader->failed = 1;
    if (rule.height > MOST_PIXELS || rule.width > MOST_PIXELS) reader->failed = 1;
    return rule;
}

size_t lcnn_picture_size(const lcnn_picture_rule *rule, int64_t width, int64_t height)
{
    if (!rule->is_there || width > MOST_PIXELS || height > MOST_PIXELS) return 0;
    const lcnn_preprocessing how = preprocessing_of(rule);
    const size_t size = lcnn_prepare_size(&how, height, width);
    return size ? size + 7 : 0;
}

void lcnn_make_input(const lcnn_picture_rule *rule, const uint8_t *pixels, int64_t width, int64_t height, int channels,
                     void *memory, float *input)
{
    const lcnn_preprocessing how = preprocessing_of(rule);
    lcnn_prepare(&how, pixels, height, width, channels, (char *)memory + (8 - (uintptr_t)memory % 8) % 8, input);
}
