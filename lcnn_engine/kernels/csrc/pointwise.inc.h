/* Operations that look at one place, or at the channels of one place. */

/* The same on a vector: lanes run across the channels. */
static void pointwise_vector(const lcnn_pointwise *u, const float *in, int64_t length, float *out)
{
    float x[LCNN_WIDTH] = {0}, scale[LCNN_WIDTH] = {0}, shift[LCNN_WIDTH] = {0};
    for (int64_t i = 0; i < length; i += LCNN_WIDTH) {
        const int64_t lanes = smaller(LCNN_WIDTH, length - i);
        copy_run(x, in + i, lanes);
        vf v = vload(x);
        if (u->scale) {
            copy_run(scale, u->scale + i, lanes);
            copy_run(shift, u->shift + i, lanes);
            v = v * vload(scale) + vload(shift);
        }
        vstore(x, vactivate(v, u->activation, u->alpha));
        copy_run(out + i, x, lanes);
    }
}

static void pointwise_planes(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pointwise *u = &step->u.pointwise;
    const lcnn_map *in = &step->in[0], *out = &step->out;
    for (int64_t channel = begin; channel < end; channel++) {
        const vf scale = vset(u->scale ? u->scale[channel] : 1.0f), shift = vset(u->scale ? u->shift[channel] : 0.0f);
        const int plain = !u->scale && u->activation == LCNN_LINEAR;
        clear_border(out, context->arena, channel);
        for (int64_t y = 0; y < in->height; y++) {
            const float *source = context->arena + in->offset + channel * in->plane + y * in->row;
            float *target = context->arena + out->offset + channel * out->plane + y * out->row;
            int64_t x = 0;
            if (plain) {
                copy_run(target, source, in->width);
                continue;
            }
            for (; x + LCNN_WIDTH <= in->width; x += LCNN_WIDTH)
                vstore(target + x, vactivate(vload(source + x) * scale + shift, u->activation, u->alpha));
            if (x < in->width) {
                float part[LCNN_WIDTH] = {0};
                copy_run(part, source + x, in->width - x);
                vstore(part, vactivate(vload(part) * scale + shift, u->activation, u->alpha));
                copy_run(target + x, part, in->width - x);
            }
        }
    }
}

/* out = act(in * scale + shift) per channel: batch norm, activation, padding, copies into a concatenation. */
static void pointwise(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &step->in[0], *out = &step->out;
    if (in->plane == 1 && out->plane == 1) /* one unit */
        pointwise_vector(&step->u.pointwise, context->arena + in->offset, in->channels, context->arena + out->offset);
    else
        pointwise_planes(step, context, begin, end);
}

INLINE void combine_row(const int product, const float *a, const float *b, int64_t length, int repeat, float *out,
                        lcnn_activation activation, float alpha)
{
    int64_t x = 0;
    for (; x + LCNN_WIDTH <= length; x += LCNN_WIDTH) {
        const vf va = vload(a + x), vb = repeat ? vset(b[0]) : vload(b + x);
        vstore(out + x, vactivate(product ? va * vb : va + vb, activation, alpha));
    }
    if (x < length) {
        float part[LCNN_WIDTH] = {0};
        for (int64_t i = x; i < length; i++) part[i - x] = product ? a[i] * b[repeat ? 0 : i] : a[i] + b[repeat ? 0 : i];
        vstore(part, vactivate(vload(part), activation, alpha));
        copy_run(out + x, part, length - x);
    }
}

/* Vectors are handled as one row, so that lanes run across channels. */
INLINE void combine(const int product, const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pointwise *u = &step->u.pointwise;
    const lcnn_map *a = &step->in[0], *b = &step->in[1], *out = &step->out;
    float *arena = context->arena;
    if (a->plane == 1 && b->plane == 1 && out->plane == 1) {
        combine_row(product, arena + a->offset, arena + b->offset, out->channels, 0, arena + out->offset, u->activation,
                    u->alpha); /* one unit */
        return;
    }
    const int repeat = b->height * b->width == 1;
    for (int64_t channel = begin; channel < end; channel++) {
        clear_border(out, arena, channel);
        for (int64_t y = 0; y < out->height; y++)
            combine_row(product, arena + a->offset + channel * a->plane + y * a->row,
                        arena + b->offset + channel * b->plane + (repeat ? 0 : y * b->row), out->width, repeat,
                        arena + out->offset + channel * out->plane + y * out->row, u->activation, u->alpha);
    }
}

static void add(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    combine(0, step, context, begin, end);
}

static void multiply(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    combine(1, step, context, begin, end);
}

/* s^-beta. AlexNet's 0.75 and 0.5 by square roots: a call of powf costs as much as the rest of the layer. */
INLINE float inverse_power(float s, float beta)
{
    if (beta == 0.75f) return 1.0f / (sqrtf(s) * sqrtf(sqrtf(s)));
    if (beta == 0.5f) return 1.0f / sqrtf(s);
    if (beta == 1.0f) return 1.0f / s;
    return powf(s, -beta);
}

static void lrn(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_lrn *u = &step->u.lrn;
    const lcnn_map *in = &step->in[0], *out = &step->out;
    float *sum = context->scratch; /* one row of squares, moved from channel to channel */
    for (int64_t channel = 0; begin == 0 && channel < out->channels; channel++)
        clear_border(out, context->arena, channel);
    for (int64_t y = begin; y < end; y++) {
        const float *source = context->arena + in->offset + y * in->row;
        float *target = context->arena + out->offset + y * out->row;
        for (int64_t channel = 0; channel < in->channels; channel++) {
            const int64_t first = larger(channel - u->radius, 0), last = smaller(channel + u->radius, in->channels - 1);
            for (int64_t x = 0; x < in->width; x++) sum[x] = 0;
            for (int64_t c = first; c <= last; c++)
                for (int64_t x = 0; x < in->width; x++) sum[x] += source[c * in->plane + x] * source[c * in->plane + x];
            for (int64_t x = 0; x < in->width; x++)
                target[channel * out->plane + x] = source[channel * in->plane + x]
                                                   * inverse_power(u->bias + u->alpha * sum[x], u->beta);
        }
    }
}

/* Over the channels of each pixel. Unit: a row. */
static void softmax(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &step->in[0], *out = &step->out;
    const int64_t channels = in->channels;
    float *values = context->scratch;
    for (int64_t channel = 0; begin == 0 && channel < channels; channel++) clear_border(out, context->arena, channel);
    for (int64_t y = begin; y < end; y++)
        for (int64_t x = 0; x < in->width; x++) {
            const float *source = context->arena + in->offset + y * in->row + x;
            float *target = context->arena + out->offset + y * out->row + x;
            float most = -INFINITY;
            for (int64_t c = 0; c < channels; c++) most = source[c * in->plane] > most ? source[c * in->plane] : most;
            for (int64_t c = 0; c < channels; c++) values[c] = source[c * in->plane] - most;
            int64_t c = 0;
            for (; c < channels; c += LCNN_WIDTH) vstore(values + c, vexp(vload(values + c))); /* scratch is rounded up */
            double sum = 0;
            for (c = 0; c < channels; c++) sum += values[c];
            const float scale = (float)(1.0 / sum);
            for (c = 0; c < channels; c++) target[c * out->plane] = values[c] * scale;
        }
}
