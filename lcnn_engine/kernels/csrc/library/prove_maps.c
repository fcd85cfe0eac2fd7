/* What looks at one place, one pixel, one window or one plane of a map. */
#include <stddef.h>

#include "library/proof.h"

/* Whether the call is on vectors: lanes run across the channels, in one unit. */
static int on_vectors(const lcnn_proof *p) { return p->call->in[0].plane == 1 && p->call->out.plane == 1; }

/* A unit for each channel of the first input, or one of vectors. */
static int prove_channels(lcnn_proof *p)
{
    LCNN_NEED(lcnn_are_maps_alike(p), "maps of the same pixels in the arena");
    LCNN_NEED(p->call->in[0].channels <= p->call->out.channels, "a plane for each channel");
    LCNN_NEED(p->call->units == (on_vectors(p) ? 1 : p->call->in[0].channels), "units for all channels");
    return 1;
}

int lcnn_prove_pointwise(lcnn_proof *p)
{
    const lcnn_pointwise *u = &p->call->u.pointwise;
    const int64_t channels = p->call->in[0].channels;
    if (!prove_channels(p)) return 0;
    LCNN_NEED(!u->scale == !u->shift, "a scale and a shift, or neither");
    if (u->scale)
        LCNN_NEED(lcnn_has_words(p, u->scale, channels) && lcnn_has_words(p, u->shift, channels),
                  "a scale and a shift for each channel");
    return 1;
}

int lcnn_prove_prelu(lcnn_proof *p)
{
    if (!prove_channels(p)) return 0;
    LCNN_NEED(lcnn_has_words(p, p->call->u.prelu.slope, p->call->in[0].channels), "a slope for each channel");
    return 1;
}

int lcnn_prove_combine(lcnn_proof *p)
{
    const lcnn_map *a = &p->call->in[0], *b = &p->call->in[1], *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps_alike(p) && lcnn_is_map(p, b), "maps of the same pixels in the arena");
    LCNN_NEED((b->height == 1 && b->width == 1) || (b->height == out->height && b->width == out->width),
              "a second input of one pixel or of all");
    LCNN_NEED(a->channels >= out->channels && (b->channels == 1 || b->channels >= out->channels),
              "inputs of all channels");
    LCNN_NEED(p->call->units == (on_vectors(p) && b->plane == 1 ? 1 : out->channels), "units for all channels");
    return 1;
}

/* A unit for each row, or one of vectors; the result has all channels of the input. */
static int prove_rows(lcnn_proof *p)
{
    LCNN_NEED(lcnn_are_maps_alike(p), "maps of the same pixels in the arena");
    LCNN_NEED(p->call->in[0].channels <= p->call->out.channels, "a plane for each channel");
    LCNN_NEED(p->call->units == (on_vectors(p) ? 1 : p->call->in[0].height), "a unit for each row");
    return 1;
}

static int prove_scales(lcnn_proof *p)
{
    const lcnn_norm *u = &p->call->u.norm;
    const int64_t channels = p->call->in[0].channels;
    LCNN_NEED(lcnn_has_words(p, u->scale, channels) && lcnn_has_words(p, u->shift, channels),
              "a scale and a shift for each channel");
    return 1;
}

int lcnn_prove_layer_norm(lcnn_proof *p) { return prove_rows(p) && prove_scales(p); }

int lcnn_prove_group_norm(lcnn_proof *p)
{
    const int64_t groups = p->call->u.norm.groups;
    LCNN_NEED(lcnn_are_maps_alike(p), "maps of the same pixels in the arena");
    LCNN_NEED(groups >= 1 && p->call->in[0].channels % groups == 0 && p->call->units == groups,
              "whole groups, a unit for each");
    LCNN_NEED(p->call->in[0].channels <= p->call->out.channels, "a plane for each channel");
    return prove_scales(p);
}

int lcnn_prove_channel_pool(lcnn_proof *p)
{
    LCNN_NEED(lcnn_are_maps_alike(p), "maps of the same pixels in the arena");
    LCNN_NEED(p->call->units == p->call->in[0].height, "a unit for each row");
    return 1;
}

int lcnn_prove_lrn(lcnn_proof *p)
{
    LCNN_NEED(lcnn_are_maps_alike(p), "maps of the same pixels in the arena");
    LCNN_NEED(p->call->in[0].channels <= p->call->out.channels, "a plane for each channel");
    LCNN_NEED(p->call->units == p->call->in[0].height && p->call->u.lrn.radius >= 0, "a unit for each row");
    LCNN_NEED(3 * (lcnn_wide)p->call->in[0].width <= p->scratch, "scratch for sums of a row");
    return 1;
}

int lcnn_prove_softmax(lcnn_proof *p)
{
    if (!prove_rows(p)) return 0;
    LCNN_NEED(2 * (lcnn_wide)p->call->in[0].channels <= p->scratch, "scratch for a pixel's values");
    return 1;
}

int lcnn_prove_global_pool(lcnn_proof *p)
{
    LCNN_NEED(lcnn_are_maps(p), "maps in the arena");
    LCNN_NEED(p->call->in[0].channels <= p->call->out.channels, "a plane for each channel");
    LCNN_NEED(p->call->units == p->call->in[0].channels, "a unit for each channel");
    return 1;
}

/* Windows of `kernel` from -`before` on, `stride` apart, `count` of them: each has a row or column of the image's
 * `size` inside, and they end within `span`. */
static int are_windows(int64_t kernel, int64_t stride, int64_t before, int64_t count, int64_t size)
{
    return kernel >= 1 && stride >= 1 && before >= 0 && kernel > before &&
           (lcnn_wide)(count - 1) * stride - before < size;
}

int lcnn_prove_pool(lcnn_proof *p)
{
    const lcnn_pool *u = &p->call->u.pool;
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    LCNN_NEED(lcnn_are_maps(p), "maps in the arena");
    LCNN_NEED(out->channels <= in->channels && p->call->units == out->channels, "a unit for each channel");
    LCNN_NEED(are_windows(u->kernel_h, u->stride_h, u->top, out->height, in->height) &&
                  are_windows(u->kernel_w, u->stride_w, u->left, out->width, in->width),
              "windows with a part of the image in each");
    LCNN_NEED((lcnn_wide)u->left + in->width <= u->span, "a span of the padded image");
    LCNN_NEED((lcnn_wide)(out->width - 1) * u->stride_w + u->kernel_w <= u->span, "a span of all windows");
    LCNN_NEED((lcnn_wide)u->span + out->width <= p->scratch, "scratch for a row");
    return 1;
}
